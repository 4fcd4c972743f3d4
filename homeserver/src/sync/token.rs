//! What a client has seen: a position of the number line, and one of the things never stored.

use std::{fmt, str::FromStr};

use crate::{Error, Result, storage::numbers::Position};

/// `s<position>_<ephemeral>`, and `_<to_device>` where there is more for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncToken {
    /// The newest fact that the client was told, or that does not concern it.
    pub position: Position,
    /// The same for typing and presence.
    pub ephemeral: u64,
    /// The newest message for the device that it was told, if older ones than `position` wait.
    pub to_device: Option<Position>,
}

impl SyncToken {
    /// Reads a token that this server gave out.
    pub fn parse(token: &str) -> Result<Self> {
        let malformed = || Error::invalid_param("`since` is not a token of this server.");
        let rest = token.strip_prefix('s').ok_or_else(malformed)?;
        let mut parts = rest.split('_');
        let position = |part: &str| i64::from_str(part).map(Position).map_err(|_| malformed());
        let token = Self {
            position: position(parts.next().unwrap_or_default())?,
            ephemeral: parts.next().map_or(Ok(0), u64::from_str).map_err(|_| malformed())?,
            to_device: parts.next().map(position).transpose()?,
        };
        if parts.next().is_some() { Err(malformed()) } else { Ok(token) }
    }

    /// Up to where messages for the device were told.
    pub fn to_device_told(&self) -> Position {
        self.to_device.unwrap_or(self.position)
    }
}

impl fmt::Display for SyncToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}_{}", self.position.0, self.ephemeral)?;
        self.to_device.map_or(Ok(()), |position| write!(f, "_{}", position.0))
    }
}
