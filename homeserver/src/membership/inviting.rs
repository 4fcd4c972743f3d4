//! Inviting people.

use ruma::{OwnedEventId, RoomId, UserId, state_res::events::RoomPowerLevelsIntField};

use super::{Content, Memberships, because, cleaned};
use crate::{
    Error, Result,
    accounts::User,
    storage::{accounts, rooms::Membership},
};

impl Memberships {
    /// `user` invites `target`; `is_direct` if the room is for talking with them alone.
    pub async fn invite(
        &self,
        user: &User,
        target: &UserId,
        room_id: &RoomId,
        is_direct: bool,
        reason: Option<String>,
    ) -> Result<()> {
        let mut content = because(reason);
        if is_direct {
            content.insert("is_direct".to_owned(), true.into());
        }
        self.ask_in(user, target, room_id, content).await.map(drop)
    }

    pub(super) async fn ask_in(
        &self,
        user: &User,
        target: &UserId,
        room_id: &RoomId,
        content: Content,
    ) -> Result<OwnedEventId> {
        let view = self.rooms.joined(user, room_id).await?;
        match self.member_event(&view, target).await?.map(|(membership, _)| membership) {
            Some(Membership::Join) => return Err(Error::forbidden("This user is already in the room.")),
            Some(Membership::Ban) => return Err(Error::forbidden("This user is banned from the room.")),
            Some(Membership::Invite | Membership::Knock | Membership::Leave) | None => {}
        }
        if view.power(&user.id) < view.power_needed(RoomPowerLevelsIntField::Invite) {
            return Err(Error::forbidden("You do not have the power to invite in this room."));
        }
        self.must_be_invitable(target).await?;
        let mut shown = self.shown_profile(target).await?;
        shown.extend(content);
        self.send(user, target, room_id, Membership::Invite, shown).await
    }

    /// The content of an invitation that is sent with a new room.
    pub async fn invitation(&self, target: &UserId, is_direct: bool) -> Result<Content> {
        self.must_be_invitable(target).await?;
        let mut content = cleaned(self.shown_profile(target).await?, Membership::Invite);
        if is_direct {
            content.insert("is_direct".to_owned(), true.into());
        }
        Ok(content)
    }

    /// Refuses to invite users of this server who do not exist.
    async fn must_be_invitable(&self, user: &UserId) -> Result<()> {
        if user.server_name() != self.rooms.server_name() {
            return Ok(());
        }
        match accounts::find(&mut *self.storage.conn().await?, user).await? {
            Some(account) if !account.is_deactivated => Ok(()),
            _ => Err(Error::not_found(format!("There is no user {user}."))),
        }
    }
}
