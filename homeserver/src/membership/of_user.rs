//! The rooms that users are in.

use ruma::{OwnedRoomId, UserId};

use super::Memberships;
use crate::{
    Error, Result,
    accounts::User,
    storage::{
        numbers::{RoomNid, UserNid},
        rooms::{self, Membership},
    },
};

/// Rooms on a page.
const PAGE: usize = 100;

/// Some of the rooms that two users are both in.
#[derive(Debug)]
pub struct SharedRooms {
    /// The rooms.
    pub rooms: Vec<OwnedRoomId>,
    /// How many there are in all.
    pub count: i64,
    /// Where to read on.
    pub next: Option<String>,
}

impl Memberships {
    /// The rooms that `user` is in.
    pub async fn joined_rooms(&self, user: UserNid) -> Result<Vec<OwnedRoomId>> {
        let mut joined = Vec::new();
        for (room, residence) in self.rooms.residents().load(user).await? {
            if residence.membership == Membership::Join {
                joined.push(self.rooms.load(room).await?.id.clone());
            }
        }
        Ok(joined)
    }

    /// A page of the rooms that `user` and `other` are both in. Client-server API, "Mutual Rooms".
    pub async fn shared_rooms(&self, user: &User, other: &UserId, from: Option<&str>) -> Result<SharedRooms> {
        if user.id == *other {
            return Err(Error::invalid_param("You share every room with yourself."));
        }
        let after = match from {
            None => RoomNid(0),
            Some(token) => {
                let number = token.strip_prefix('r').and_then(|number| number.parse().ok());
                RoomNid(number.ok_or_else(|| Error::invalid_param("This is not a token of this list."))?)
            }
        };
        let Some(other) = self.storage.find_user_nid(other).await? else {
            return Ok(SharedRooms { rooms: Vec::new(), count: 0, next: None });
        };
        let mut conn = self.storage.conn().await?;
        let limit = i64::try_from(PAGE + 1).expect("a page is small");
        let mut shared = rooms::shared(&mut conn, user.nid, other, after, limit).await?;
        let has_more = shared.len() > PAGE;
        shared.truncate(PAGE);
        let count = match from.is_none() && !has_more {
            true => i64::try_from(shared.len()).expect("a page is small"),
            false => rooms::count_shared(&mut conn, user.nid, other).await?,
        };
        let next = shared.last().filter(|_| has_more).map(|(room, _)| format!("r{}", room.0));
        Ok(SharedRooms { rooms: shared.into_iter().map(|(_, id)| id).collect(), count, next })
    }
}
