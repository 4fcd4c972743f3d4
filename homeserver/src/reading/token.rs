//! Where a reader stands in a room's timeline: between two positions.

use std::{fmt, str::FromStr};

use crate::{Error, Result, storage::numbers::Position};

/// A place in a timeline: after the events up to `position`, before those that follow. `/sync`'s
/// tokens are of this form too, with more behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// The last position before the place.
    pub position: Position,
}

impl Token {
    /// Reads a token that this server gave out, for a page or by `/sync`.
    pub fn parse(token: &str) -> Result<Self> {
        let malformed = || Error::invalid_param("This is not a token of this server.");
        let rest = token.strip_prefix('t').or_else(|| token.strip_prefix('s')).ok_or_else(malformed)?;
        let number = rest.split('_').next().unwrap_or(rest);
        let position = i64::from_str(number).map_err(|_| malformed())?;
        Ok(Self { position: Position(position) })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}", self.position.0)
    }
}
