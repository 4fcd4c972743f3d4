//! `[listeners]`: the addresses this server answers at.

use std::{net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{Problem, values};

/// Where the server listens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listeners {
    /// Addresses for HTTP without TLS, for a reverse proxy or for this machine.
    #[serde(deserialize_with = "values::one_or_many")]
    pub plain: Vec<SocketAddr>,
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
            tls: Vec::new(),
            certificate: None,
            key: None,
            metrics: None,
        }
    }
}

impl Listeners {
    pub(super) fn check(&self) -> Result<(), Problem> {
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
