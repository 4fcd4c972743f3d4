//! What shadow-banned users are told: that it worked.

use ruma::{OwnedEventId, RoomId};

use super::Rooms;
use crate::{Error, Result, accounts::User, secrets};

/// Characters of an event ID after the dollar sign: a hash in base64. Room versions, "Event IDs".
const LENGTH: usize = 43;

impl Rooms {
    /// An answer to somebody who is in the room, as if what they said had been said.
    pub async fn pretend(&self, user: &User, room_id: &RoomId) -> Result<OwnedEventId> {
        self.joined(user, room_id).await?;
        let event_id = OwnedEventId::try_from(format!("${}", secrets::identifier(LENGTH)));
        event_id.map_err(|fault| Error::internal(fault.to_string()))
    }
}
