//! `[oauth]`: applications that their users let in on the pages of this server.

use serde::{Deserialize, Serialize};

/// OAuth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OAuth {
    /// Whether it is served, where `discovery.client_url` is set.
    pub enabled: bool,
    /// Whether sites on the machine of who uses them may register, for their developers.
    pub allow_local_clients: bool,
}

impl Default for OAuth {
    fn default() -> Self {
        Self { enabled: true, allow_local_clients: false }
    }
}
