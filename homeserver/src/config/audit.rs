//! `[audit]`: the security audit log.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// Days after which events are deleted; 0 means never.
    pub retention_days: u32,
    /// Days after which the addresses and user agents of events are deleted.
    pub address_retention_days: u32,
    /// A file to which a line is added for each attack, for fail2ban.
    pub lines_file: Option<PathBuf>,
}

impl Default for Audit {
    fn default() -> Self {
        Self { retention_days: 180, address_retention_days: 30, lines_file: None }
    }
}
