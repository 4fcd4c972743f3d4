//! What a client has seen: a position of the number line, and one of the things never stored.

use std::{fmt, str::FromStr};

use crate::{Error, Result, storage::numbers::Position};

/// `s<position>_<ephemeral>`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncToken {
    /// The newest fact that the client was told, or that does not concern it.
    pub position: Position,
    /// The same for typing and presence.
    pub ephemeral: u64,
}

impl SyncToken {
    /// Reads a token that this server gave out.
    pub fn parse(token: &str) -> Result<Self> {
        let malformed = || Error::invalid_param("`since` is not a token of this server.");
        let rest = token.strip_prefix('s').ok_or_else(malformed)?;
        let (position, ephemeral) = rest.split_once('_').unwrap_or((rest, "0"));
        let position = i64::from_str(position).map_err(|_| malformed())?;
        let ephemeral = u64::from_str(ephemeral).map_err(|_| malformed())?;
        Ok(Self { position: Position(position), ephemeral })
    }
}

impl fmt::Display for SyncToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}_{}", self.position.0, self.ephemeral)
    }
}
