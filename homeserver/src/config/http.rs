//! `[http]`: how requests are read.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Problem, values};

/// The smallest limit: the largest event, twice.
const SMALLEST_BODY: usize = 128 << 10;

/// How requests are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// The largest body of a request, in bytes; uploads of media have a limit of their own.
    pub body_limit_bytes: usize,
    /// Networks of reverse proxies whose word about the client's address is taken.
    #[serde(deserialize_with = "values::one_or_many")]
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they give it, such as `X-Forwarded-For`.
    pub client_address_header: Option<String>,
}

impl Default for Http {
    fn default() -> Self {
        Self { body_limit_bytes: 4 << 20, trusted_proxies: Vec::new(), client_address_header: None }
    }
}

impl Http {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.body_limit_bytes < SMALLEST_BODY {
            return Err(Problem::new("http.body_limit_bytes", format!("must be at least {SMALLEST_BODY}")));
        }
        let option = "http.client_address_header";
        match &self.client_address_header {
            Some(_) if self.trusted_proxies.is_empty() => {
                Err(Problem::new(option, "is of no use while http.trusted_proxies is empty"))
            }
            None if !self.trusted_proxies.is_empty() => {
                Err(Problem::new(option, "is needed because http.trusted_proxies is set"))
            }
            Some(name) if name.eq_ignore_ascii_case("Forwarded") => {
                Err(Problem::new(option, "cannot be Forwarded: let the proxy send X-Forwarded-For"))
            }
            Some(name) if name.parse::<::http::HeaderName>().is_err() => {
                Err(Problem::new(option, "is not the name of a header"))
            }
            _ => Ok(()),
        }
    }
}
