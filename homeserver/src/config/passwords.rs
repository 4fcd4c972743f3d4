//! `[passwords]`: how passwords are stored and what they must be like.

use serde::{Deserialize, Serialize};

use super::Problem;

/// Passwords. The defaults for Argon2id are those that OWASP recommends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Passwords {
    /// Fewest characters of a new password.
    pub minimum_length: usize,
    /// Memory that hashing a password takes, in KiB.
    pub memory_kib: u32,
    /// How often hashing passes over the memory.
    pub passes: u32,
    /// Lanes of the memory that could be filled at the same time.
    pub lanes: u32,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { minimum_length: 8, memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

impl Passwords {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.lanes == 0 || self.passes == 0 {
            return Err(Problem::new("passwords.passes", "passes and lanes must be at least 1"));
        }
        if self.memory_kib < 8 * self.lanes {
            return Err(Problem::new("passwords.memory_kib", "must be at least 8 for each lane"));
        }
        Ok(())
    }
}
