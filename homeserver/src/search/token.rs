//! Where in the results of a search to read on.

use std::{fmt, str::FromStr};

use crate::{
    Error, Result,
    storage::{
        numbers::{Position, RoomNid, UserNid},
        search::Match,
    },
};

/// The last result that was told, and among which results it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) last: Match,
    /// How many results there were at first.
    pub(super) count: u64,
    pub(super) group: Group,
}

/// Some of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    All,
    Room(RoomNid),
    Sender(UserNid),
}

impl Token {
    /// Reads a token that this server gave out.
    pub(super) fn parse(token: &str) -> Result<Self> {
        let malformed = || Error::invalid_param("This is not a token of this server.");
        let numbers = token.strip_prefix('f').ok_or_else(malformed)?;
        let numbers: Result<Vec<i64>> =
            numbers.split('_').map(|number| i64::from_str(number).map_err(|_| malformed())).collect();
        let [room, position, weight, count, kind, nid] = numbers?[..] else { return Err(malformed()) };
        let group = match kind {
            0 => Group::All,
            1 => Group::Room(RoomNid(nid)),
            2 => Group::Sender(UserNid(nid)),
            _ => return Err(malformed()),
        };
        let last = Match { room: RoomNid(room), position: Position(position), weight };
        Ok(Self { last, count: count.unsigned_abs(), group })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Match { room, position, weight } = self.last;
        let (kind, nid) = match self.group {
            Group::All => (0, 0),
            Group::Room(room) => (1, room.0),
            Group::Sender(sender) => (2, sender.0),
        };
        write!(f, "f{}_{}_{weight}_{}_{kind}_{nid}", room.0, position.0, self.count)
    }
}
