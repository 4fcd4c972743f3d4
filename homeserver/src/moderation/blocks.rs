//! Blocks rooms: nobody comes into them from here any more, is invited or gives them a name. Those who are
//! in them stay.

use ruma::{OwnedUserId, RoomId};

use super::Moderation;
use crate::{Result, accounts::User, storage::blocked_rooms};

impl Moderation {
    /// Who has blocked a room, if it is blocked.
    pub async fn blocker(&self, room_id: &RoomId) -> Result<Option<OwnedUserId>> {
        blocked_rooms::find(&mut *self.conn().await?, room_id).await
    }

    /// Blocks a room, whether or not it is known here, or unblocks it.
    pub async fn set_block(&self, caller: &User, room_id: &RoomId, is_blocked: bool) -> Result<()> {
        let event = Self::act(caller, "room.block").detail("room_id", room_id.as_str()).detail("set", is_blocked);
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                match is_blocked {
                    true => blocked_rooms::insert(&mut tx, room_id, caller.nid, self.now_ms()).await?,
                    false => blocked_rooms::delete(&mut tx, room_id).await?,
                }
                self.note(&mut tx, &event).await?;
                Ok(tx.commit().await?)
            })
            .await
    }
}
