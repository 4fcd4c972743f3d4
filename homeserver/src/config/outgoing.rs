//! `[outgoing]`: requests that this server sends to others.

use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::values;

/// Networks that are not the public Internet (IANA's special-purpose address registries).
const NOT_PUBLIC: [&str; 22] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "2001:db8::/32",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

/// Requests to other servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outgoing {
    /// Certificate authorities as PEM, trusted besides the well-known ones.
    pub ca_file: Option<PathBuf>,
    /// Networks that are never connected to, whatever a name resolves to.
    #[serde(deserialize_with = "values::one_or_many")]
    pub forbidden_ranges: Vec<IpNet>,
}

impl Default for Outgoing {
    fn default() -> Self {
        let range = |text: &str| text.parse().expect("the networks above are well-formed");
        Self { ca_file: None, forbidden_ranges: NOT_PUBLIC.into_iter().map(range).collect() }
    }
}
