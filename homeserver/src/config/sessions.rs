//! `[sessions]`: how long sessions last.

use serde::{Deserialize, Serialize};

/// Sessions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// Seconds after which a client that can refresh its access token has to.
    pub refreshable_token_lifetime_s: u64,
    /// Seconds after which an application that was let in by OAuth has to refresh its access token.
    pub oauth_token_lifetime_s: u64,
    /// Seconds after which other clients have to log in again; none means never.
    pub token_lifetime_s: Option<u64>,
    /// Seconds after which an unused refresh token is refused; none means never.
    pub refresh_token_lifetime_s: Option<u64>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            refreshable_token_lifetime_s: 3600,
            oauth_token_lifetime_s: 900,
            token_lifetime_s: None,
            refresh_token_lifetime_s: None,
        }
    }
}
