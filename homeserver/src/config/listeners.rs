//! `[listeners]`: the addresses this server answers at.

use std::{net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Problem, values};

/// Where the server listens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listeners {
    /// Addresses for HTTP without TLS, for a reverse proxy or for this machine.
    #[serde(deserialize_with = "values::one_or_many")]
    pub plain: Vec<SocketAddr>,
    /// Addresses for load balancers that speak the PROXY protocol, without TLS.
    #[serde(deserialize_with = "values::one_or_many")]
    pub proxied: Vec<SocketAddr>,
    /// Networks of these balancers; nobody else is heard there.
    #[serde(deserialize_with = "values::one_or_many")]
    pub proxied_from: Vec<IpNet>,
    /// Addresses for HTTPS.
    #[serde(deserialize_with = "values::one_or_many")]
    pub tls: Vec<SocketAddr>,
    /// The certificate chain as PEM, the server's own certificate first.
    pub certificate: Option<PathBuf>,
    /// Its private key as PEM.
    pub key: Option<PathBuf>,
    /// Address for Prometheus; it has no access control.
    pub metrics: Option<SocketAddr>,
}

impl Default for Listeners {
    fn default() -> Self {
        Self {
            plain: vec![SocketAddr::from(([127, 0, 0, 1], 8008))],
            proxied: Vec::new(),
            proxied_from: Vec::new(),
            tls: Vec::new(),
            certificate: None,
            key: None,
            metrics: None,
        }
    }
}

impl Listeners {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if !self.proxied.is_empty() && self.proxied_from.is_empty() {
            return Err(Problem::new("listeners.proxied_from", "is needed because listeners.proxied is set"));
        }
        if self.tls.is_empty() {
            return Ok(());
        }
        for (option, file) in [("listeners.certificate", &self.certificate), ("listeners.key", &self.key)] {
            if file.is_none() {
                return Err(Problem::new(option, "is needed because listeners.tls is set"));
            }
        }
        Ok(())
    }
}
