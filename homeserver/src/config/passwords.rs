//! `[passwords]`: how passwords are stored and what they must be like.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Problem;

/// Who lets passwords be shorter than this does not want strong ones.
const SHORTEST_STRONG: usize = 8;
/// A million guesses by who knows what people choose: enough where guesses are slowed down.
const STRENGTH: u8 = 2;

/// Passwords. The defaults for Argon2id are those that OWASP recommends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Passwords {
    /// Fewest characters of a new password.
    pub minimum_length: usize,
    /// How hard a new password must be to guess, from 0 to 4; none means 2, or 0 where passwords may
    /// be shorter than 8 characters.
    pub minimum_strength: Option<u8>,
    /// A file of stolen passwords that nobody may choose.
    pub breached_file: Option<PathBuf>,
    /// Memory that hashing a password takes, in KiB.
    pub memory_kib: u32,
    /// How often hashing passes over the memory.
    pub passes: u32,
    /// Lanes of the memory that could be filled at the same time.
    pub lanes: u32,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            minimum_length: SHORTEST_STRONG,
            minimum_strength: None,
            breached_file: None,
            memory_kib: 19 * 1024,
            passes: 2,
            lanes: 1,
        }
    }
}

impl Passwords {
    /// How hard a new password must be to guess; 0 means that it is not looked at.
    pub fn minimum_strength(&self) -> u8 {
        let default = if self.minimum_length < SHORTEST_STRONG { 0 } else { STRENGTH };
        self.minimum_strength.unwrap_or(default)
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.lanes == 0 || self.passes == 0 {
            return Err(Problem::new("passwords.passes", "passes and lanes must be at least 1"));
        }
        if self.minimum_strength.is_some_and(|strength| strength > 4) {
            return Err(Problem::new("passwords.minimum_strength", "must be 0 to 4"));
        }
        if self.memory_kib < 8 * self.lanes {
            return Err(Problem::new("passwords.memory_kib", "must be at least 8 for each lane"));
        }
        Ok(())
    }
}
