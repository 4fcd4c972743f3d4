//! `[rate_limits]`: how often things may be done.

use serde::{Deserialize, Serialize};

/// Rate limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// Whether there are any.
    pub enabled: bool,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self { enabled: true }
    }
}
