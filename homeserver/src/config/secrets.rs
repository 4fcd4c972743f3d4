//! `[secrets]`: where the keys are that protect what is stored.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Hidden, Problem};

/// The keys outside the database.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Secrets {
    /// The file with the keys. Without them, stored secrets cannot be read again.
    pub key_file: Option<PathBuf>,
    /// The keys themselves, as they would stand in the file.
    pub keys: Option<Hidden>,
}

impl Secrets {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.key_file.is_some() && self.keys.is_some() {
            return Err(Problem::new("secrets.keys", "cannot be set together with secrets.key_file"));
        }
        Ok(())
    }
}
