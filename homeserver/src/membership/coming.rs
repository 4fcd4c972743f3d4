//! Coming into rooms, and asking to.

use ruma::{
    OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, api::client::membership::ThirdPartySigned, room::JoinRuleKind,
};

use super::{Content, Memberships, because, cleaned};
use crate::{
    Error, Result,
    access::feature::Feature,
    accounts::User,
    error::ErrorKind,
    rooms::{draft::Wish, view::View},
    storage::rooms::Membership,
};

impl Memberships {
    /// `user` comes into a room, if its rules let them. `content` is added to the membership event;
    /// `signed` proves that an invitation by e-mail or telephone was meant for them.
    pub async fn join(
        &self,
        user: &User,
        room_id: &RoomId,
        content: Content,
        signed: Option<ThirdPartySigned>,
    ) -> Result<OwnedRoomId> {
        let view = self.known(room_id).await?;
        let is_joined = view.is_joined(user.nid);
        if let Some(signed) = signed.filter(|_| !is_joined) {
            self.redeem(user, room_id, signed).await?;
        }
        // Clients join again when they have lost track. That is not worth an event.
        if !is_joined || content.keys().any(|key| key != "reason") {
            self.enter(user, room_id, content).await?;
        }
        Ok(room_id.to_owned())
    }

    pub(super) async fn enter(&self, user: &User, room_id: &RoomId, content: Content) -> Result<OwnedEventId> {
        let view = self.known(room_id).await?;
        let authority = match view.is_joined(user.nid) {
            true => {
                self.admission.feature(user, Feature::ChangeProfile).await?;
                None
            }
            false => {
                self.admission.feature(user, Feature::Join).await?;
                self.admission.entrance(user, room_id).await?;
                self.must_be_let_in(user, &view)?;
                self.authority_for(&view, user).await?
            }
        };
        let mut shown = self.shown_profile(&user.id).await?;
        shown.extend(content);
        let mut content = cleaned(shown, Membership::Join);
        if let Some(authority) = authority {
            content.insert("join_authorised_via_users_server".to_owned(), authority.as_str().into());
        }
        let wish = Wish::state_of("m.room.member", user.id.as_str(), &content)?;
        let event_id = self.rooms.send(user, room_id, wish, None).await?;
        if !view.is_joined(user.nid) {
            self.take_along(user, &view).await?;
        }
        Ok(event_id)
    }

    /// Client-server API, "Guest access".
    fn must_be_let_in(&self, user: &User, view: &View) -> Result<()> {
        if user.is_guest && !view.is_open_to_guests() {
            return Err(Error::refused(ErrorKind::GuestAccessForbidden, "Guests may not join this room."));
        }
        Ok(())
    }

    /// The member on whose authority `user` may come into a restricted room without an invitation:
    /// somebody here who may invite, if `user` is in one of the rooms that the rule names.
    /// Client-server API, "Restricted rooms".
    async fn authority_for(&self, view: &View, user: &User) -> Result<Option<OwnedUserId>> {
        if !view.is_restricted() || view.invited.contains(&user.nid) {
            return Ok(None);
        }
        if !self.rooms.is_in_an_allowed_room(view, user.nid).await? {
            return Err(Error::forbidden("You are not in any of the rooms whose members may join this one."));
        }
        let inviter = self.rooms.local_inviter(view).await?;
        inviter.map(Some).ok_or_else(|| {
            Error::refused(ErrorKind::UnableToGrantJoin, "Nobody on this server may let you into that room.")
        })
    }

    /// `user` asks to come in.
    pub async fn knock(&self, user: &User, room_id: &RoomId, reason: Option<String>) -> Result<OwnedRoomId> {
        self.ask_to_enter(user, room_id, because(reason)).await?;
        Ok(room_id.to_owned())
    }

    pub(super) async fn ask_to_enter(&self, user: &User, room_id: &RoomId, content: Content) -> Result<OwnedEventId> {
        self.admission.feature(user, Feature::Knock).await?;
        self.admission.entrance(user, room_id).await?;
        let view = self.known(room_id).await?;
        if !matches!(view.join_rule(), JoinRuleKind::Knock | JoinRuleKind::KnockRestricted) {
            return Err(Error::forbidden("One cannot knock on this room."));
        }
        match self.member_event(&view, &user.id).await?.map(|(membership, _)| membership) {
            Some(Membership::Join) => return Err(Error::forbidden("You are in this room already.")),
            Some(Membership::Invite) => return Err(Error::forbidden("You are invited to this room already.")),
            Some(Membership::Ban) => return Err(Error::forbidden("You are banned from this room.")),
            Some(Membership::Knock | Membership::Leave) | None => {}
        }
        let mut shown = self.shown_profile(&user.id).await?;
        shown.extend(content);
        self.send(user, &user.id, room_id, Membership::Knock, shown).await
    }
}
