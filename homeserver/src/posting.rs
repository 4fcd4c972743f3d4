//! Takes in the state that clients set: state with a meaning of its own goes the way of that meaning.

use ruma::{OwnedEventId, OwnedUserId, RoomId};

use crate::{
    Error, Result,
    accounts::User,
    directory::Directory,
    membership::Memberships,
    rooms::{Rooms, draft::Wish},
};

/// Sets state for clients.
#[derive(Clone, Debug)]
pub struct Posting {
    rooms: Rooms,
    directory: Directory,
    memberships: Memberships,
}

impl Posting {
    /// Sets state in `rooms`.
    pub fn new(rooms: Rooms, directory: Directory, memberships: Memberships) -> Self {
        Self { rooms, directory, memberships }
    }

    /// Sets one piece of a room's state.
    pub async fn set_state(&self, user: &User, room_id: &RoomId, wish: Wish) -> Result<OwnedEventId> {
        let state_key = wish.state_key.as_deref().unwrap_or_default();
        match wish.kind.to_string().as_str() {
            "m.room.member" => {
                let target = OwnedUserId::try_from(state_key)
                    .map_err(|_| Error::invalid_param("The state key of a membership is a user ID."))?;
                let content = serde_json::from_str(wish.content.get())
                    .map_err(|_| Error::bad_json("The content of a membership is an object."))?;
                self.memberships.set(user, &target, room_id, content).await
            }
            "m.room.canonical_alias" if state_key.is_empty() => {
                let view = self.rooms.joined(user, room_id).await?;
                self.directory.check_canonical_alias(&view, &wish.content).await?;
                self.rooms.send(user, room_id, wish, None).await
            }
            _ => self.rooms.send(user, room_id, wish, None).await,
        }
    }
}
