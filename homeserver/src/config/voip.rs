//! `[voip]`: the relay that calls go through where two clients cannot reach each other.

use serde::{Deserialize, Serialize};

use super::Hidden;

/// Voice over IP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Voip {
    /// `turn:` and `turns:` URIs; none means that there is no relay.
    pub turn_uris: Vec<String>,
    /// The secret shared with the relay, from which credentials are made.
    pub turn_shared_secret: Option<Hidden>,
    /// Seconds for which credentials are good.
    pub turn_lifetime_s: u64,
}

impl Default for Voip {
    fn default() -> Self {
        Self { turn_uris: Vec::new(), turn_shared_secret: None, turn_lifetime_s: 86_400 }
    }
}
