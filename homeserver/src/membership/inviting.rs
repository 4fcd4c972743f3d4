//! Inviting people.

use ruma::{OwnedEventId, RoomId, UserId, state_res::events::RoomPowerLevelsIntField};
use serde::Deserialize;

use super::{Content, Memberships, because, cleaned};
use crate::{
    Error, Result,
    access::feature::Feature,
    accounts::User,
    error::ErrorKind,
    storage::{accounts, numbers::UserNid, rooms::Membership},
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
        self.admission.feature(user, Feature::Invite).await?;
        self.admission.entrance(user, room_id).await?;
        let view = self.rooms.joined(user, room_id).await?;
        match self.member_event(&view, target).await?.map(|(membership, _)| membership) {
            Some(Membership::Join) => return Err(Error::forbidden("This user is already in the room.")),
            Some(Membership::Ban) => return Err(Error::forbidden("This user is banned from the room.")),
            Some(Membership::Invite | Membership::Knock | Membership::Leave) | None => {}
        }
        if view.power(&user.id) < view.power_needed(RoomPowerLevelsIntField::Invite) {
            return Err(Error::forbidden("You do not have the power to invite in this room."));
        }
        self.must_be_invitable(target, Some(room_id)).await?;
        let mut shown = self.shown_profile(target).await?;
        shown.extend(content);
        self.send(user, target, room_id, Membership::Invite, shown).await
    }

    /// The content of an invitation that is sent with a new room.
    pub async fn invitation(&self, target: &UserId, is_direct: bool) -> Result<Content> {
        self.must_be_invitable(target, None).await?;
        let mut content = cleaned(self.shown_profile(target).await?, Membership::Invite);
        if is_direct {
            content.insert("is_direct".to_owned(), true.into());
        }
        Ok(content)
    }

    /// Refuses to invite users of this server who do not exist, or do not want to be invited, and those of
    /// others whom rules keep out.
    async fn must_be_invitable(&self, user: &UserId, room: Option<&RoomId>) -> Result<()> {
        if user.server_name() != self.rooms.server_name() {
            return self.admission.stranger(user, room).await;
        }
        let mut account = accounts::find(&mut *self.storage.conn().await?, user).await?;
        if account.is_none() && self.appservices.query_user(user).await {
            account = accounts::find(&mut *self.storage.conn().await?, user).await?;
        }
        let account = account.filter(|account| !account.is_deactivated);
        let account = account.ok_or_else(|| Error::not_found(format!("There is no user {user}.")))?;
        if self.blocks_invitations(account.user).await? {
            return Err(Error::refused(ErrorKind::InviteBlocked, format!("{user} does not want to be invited.")));
        }
        Ok(())
    }

    /// Client-server API, "Invite permission".
    async fn blocks_invitations(&self, user: UserNid) -> Result<bool> {
        #[derive(Deserialize)]
        struct Wanted {
            default_action: Option<String>,
        }
        let content = self.account_data.find(user, None, "m.invite_permission_config").await?;
        let wanted = content.and_then(|content| serde_json::from_str::<Wanted>(content.get()).ok());
        Ok(wanted.and_then(|wanted| wanted.default_action).is_some_and(|action| action == "block"))
    }
}
