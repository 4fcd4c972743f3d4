//! `[secrets]`: where the key is that protects what is stored.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The key outside the database.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Secrets {
    /// The file with the master key. Without it, stored secrets cannot be read again.
    pub key_file: Option<PathBuf>,
}
