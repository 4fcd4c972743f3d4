//! `[discovery]`: what the server tells others about where it is.

use ruma::OwnedUserId;
use serde::{Deserialize, Serialize};
use url::Url;

use super::Problem;

/// Where the server is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Discovery {
    /// The URL at which clients reach this server; published under `/.well-known/matrix/client`.
    pub client_url: Option<Url>,
    /// The identity server that clients are told to use.
    pub identity_server_url: Option<Url>,
    /// A page about how to get help.
    pub support_page: Option<Url>,
    /// Whom to turn to.
    pub contacts: Vec<Contact>,
}

/// Somebody to turn to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contact {
    /// For what: `m.role.admin` or `m.role.security`.
    pub role: String,
    /// An e-mail address.
    pub email_address: Option<String>,
    /// A Matrix user.
    pub matrix_id: Option<OwnedUserId>,
}

impl Discovery {
    pub(super) fn check(&self) -> Result<(), Problem> {
        let Some(url) = &self.client_url else { return Ok(()) };
        let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
            return Err(Problem::new("discovery.client_url", "must look like https://matrix.example.org"));
        }
        Ok(())
    }
}
