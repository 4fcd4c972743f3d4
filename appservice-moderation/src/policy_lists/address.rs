//! How people name a list: by an alias, by a room ID, or by a link to either.

use ruma::{MatrixToUri, MatrixUri, OwnedRoomOrAliasId, OwnedServerName, RoomOrAliasId, matrix_uri::MatrixId};

use crate::{Error, Result};

/// A room as somebody named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomAddress {
    /// Its ID or alias.
    pub room: OwnedRoomOrAliasId,
    /// Servers that know it.
    pub via: Vec<OwnedServerName>,
}

impl RoomAddress {
    /// Reads what somebody wrote.
    pub fn read(text: &str) -> Result<Self> {
        let text = text.trim().trim_start_matches('<').trim_end_matches('>');
        let link = MatrixToUri::parse(text).ok().map(|uri| (uri.id().clone(), uri.via().to_vec()));
        let link = link.or_else(|| MatrixUri::parse(text).ok().map(|uri| (uri.id().clone(), uri.via().to_vec())));
        let address = match link {
            Some((MatrixId::Room(room), via)) => Some(Self { room: room.into(), via }),
            Some((MatrixId::RoomAlias(alias), via)) => Some(Self { room: alias.into(), via }),
            Some(_) => None,
            None => RoomOrAliasId::parse(text).ok().map(|room| Self { room, via: Vec::new() }),
        };
        address.ok_or_else(|| {
            Error::invalid(format!("\"{text}\" is not a room. Name it by its alias, its ID, or a link to it."))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_named_in_many_ways() {
        for (text, room, via) in [
            ("#list:there.test", "#list:there.test", 0),
            ("!abc:there.test", "!abc:there.test", 0),
            ("https://matrix.to/#/%23list%3Athere.test", "#list:there.test", 0),
            ("https://matrix.to/#/!abc:there.test?via=a.test&via=b.test", "!abc:there.test", 2),
            ("matrix:r/list:there.test", "#list:there.test", 0),
            ("<matrix:roomid/abc:there.test?via=a.test>", "!abc:there.test", 1),
        ] {
            let address = RoomAddress::read(text).expect("it is a room");
            assert_eq!((address.room.as_str(), address.via.len()), (room, via), "{text}");
        }
        for text in ["", "list", "@alice:there.test", "https://matrix.to/#/@alice:there.test"] {
            assert!(RoomAddress::read(text).is_err(), "{text}");
        }
    }
}
