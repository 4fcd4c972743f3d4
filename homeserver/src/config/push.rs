//! `[push]`: notifications to people's devices.

use serde::{Deserialize, Serialize};

/// Notifications to devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Push {
    /// Whether notifications go to gateways over HTTPS only.
    pub require_https: bool,
}

impl Default for Push {
    fn default() -> Self {
        Self { require_https: true }
    }
}
