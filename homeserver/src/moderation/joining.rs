//! Lets users of this server into rooms.

use ruma::{OwnedRoomId, RoomId, UserId, room::JoinRuleKind};

use super::Moderation;
use crate::{Result, accounts::User, storage::rooms::Membership};

impl Moderation {
    /// Lets a user come into a room. Where they could not by themselves, the administrator invites them, who
    /// has to be in the room for that.
    pub async fn join(&self, caller: &User, user_id: &UserId, room_id: &RoomId) -> Result<OwnedRoomId> {
        let user = self.accounts.administration.stand_in(caller, user_id).await?;
        let view = self.known_room(room_id).await?;
        let present = self.memberships.present(room_id, user_id).await?;
        let needs_invitation =
            view.join_rule() != JoinRuleKind::Public && !matches!(present, Some(Membership::Join | Membership::Invite));
        if needs_invitation {
            self.memberships.invite(caller, user_id, room_id, false, None).await?;
        }
        self.record(Self::act(caller, "user.join").on(user_id).detail("room_id", room_id.as_str())).await?;
        self.memberships.join(&user, room_id, serde_json::Map::new(), None).await
    }
}
