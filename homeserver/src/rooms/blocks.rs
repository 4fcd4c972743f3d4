//! Rooms that nobody comes into from here, because administrators said so.

use ruma::RoomId;

use super::Rooms;
use crate::{Error, Result, storage::blocked_rooms};

impl Rooms {
    /// Refuses a room that is blocked.
    pub async fn must_not_be_blocked(&self, room_id: &RoomId) -> Result<()> {
        match blocked_rooms::find(&mut *self.storage.conn().await?, room_id).await? {
            Some(_) => Err(Error::forbidden("This room has been blocked on this server.")),
            None => Ok(()),
        }
    }
}
