//! Takes in the events that clients send: state with a meaning of its own goes the way of that meaning.

use ruma::{OwnedEventId, OwnedUserId, RoomId, events::TimelineEventType};

use crate::{
    Error, Result,
    accounts::User,
    admission::Admission,
    directory::Directory,
    membership::Memberships,
    rooms::{Rooms, draft::Wish},
};

/// Sends events for clients.
#[derive(Clone, Debug)]
pub struct Posting {
    rooms: Rooms,
    admission: Admission,
    directory: Directory,
    memberships: Memberships,
}

impl Posting {
    /// Sends to `rooms`.
    pub fn new(rooms: Rooms, admission: Admission, directory: Directory, memberships: Memberships) -> Self {
        Self { rooms, admission, directory, memberships }
    }

    /// Sends an event that is no state. The same `txn_id` of the same device sends once.
    pub async fn send(&self, user: &User, room_id: &RoomId, wish: Wish, txn_id: Option<&str>) -> Result<OwnedEventId> {
        self.admission.event(user, room_id, &wish).await?;
        if user.is_shadow_banned {
            return self.rooms.pretend(user, room_id).await;
        }
        self.rooms.send(user, room_id, wish, txn_id).await
    }

    /// Sets one piece of a room's state.
    pub async fn set_state(&self, user: &User, room_id: &RoomId, wish: Wish) -> Result<OwnedEventId> {
        let state_key = wish.state_key.as_deref().unwrap_or_default();
        let is_own_membership = wish.kind == TimelineEventType::RoomMember && state_key == user.id;
        if user.is_shadow_banned && !is_own_membership {
            return self.rooms.pretend(user, room_id).await;
        }
        match wish.kind.to_string().as_str() {
            "m.room.member" => {
                let target = OwnedUserId::try_from(state_key)
                    .map_err(|_| Error::invalid_param("The state key of a membership is a user ID."))?;
                let content = serde_json::from_str(wish.content.get())
                    .map_err(|_| Error::bad_json("The content of a membership is an object."))?;
                self.memberships.set(user, &target, room_id, content).await
            }
            "m.room.canonical_alias" if state_key.is_empty() => {
                self.admission.event(user, room_id, &wish).await?;
                let view = self.rooms.joined(user, room_id).await?;
                self.directory.check_canonical_alias(&view, &wish.content).await?;
                self.rooms.send(user, room_id, wish, None).await
            }
            _ => {
                self.admission.event(user, room_id, &wish).await?;
                self.rooms.send(user, room_id, wish, None).await
            }
        }
    }
}
