//! Who comes into rooms and who goes: join, leave, invite, knock, kick, ban.

use std::sync::Arc;

use ruma::{
    OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId,
    events::room::member::MembershipState,
    room::{JoinRule, JoinRuleKind},
    state_res::events::RoomPowerLevelsIntField,
};
use serde_json::{Map, Value};

use crate::{
    Error, Result,
    accounts::User,
    rooms::{Rooms, draft::Wish, view::View},
    storage::{Storage, accounts, numbers::UserNid, profiles, rooms::Membership},
};

/// Changes of membership by local users.
#[derive(Clone, Debug)]
pub struct Memberships {
    storage: Storage,
    rooms: Rooms,
}

impl Memberships {
    /// Memberships of `rooms`.
    pub fn new(storage: Storage, rooms: Rooms) -> Self {
        Self { storage, rooms }
    }

    /// `user` comes into a room, if its rules let them.
    pub async fn join(&self, user: &User, room_id: &RoomId, reason: Option<String>) -> Result<OwnedRoomId> {
        let view = self.rooms.find(room_id).await?;
        let view = view.ok_or_else(|| Error::not_found("This server does not know that room."))?;
        if view.is_joined(user.nid) {
            return Ok(room_id.to_owned());
        }
        if user.is_guest && !view.is_open_to_guests() {
            return Err(Error::refused(
                ruma::api::error::ErrorKind::GuestAccessForbidden,
                "Guests may not join this room.",
            ));
        }
        let mut content = self.profile(user).await?;
        content.insert("membership".to_owned(), "join".into());
        content.extend(reason.map(|reason| ("reason".to_owned(), Value::from(reason))));
        if let Some(authority) = self.authority_for(&view, user).await? {
            content.insert("join_authorised_via_users_server".to_owned(), authority.as_str().into());
        }
        self.set(user, &user.id, room_id, content).await?;
        Ok(room_id.to_owned())
    }

    /// `user` asks to come in.
    pub async fn knock(&self, user: &User, room_id: &RoomId, reason: Option<String>) -> Result<OwnedRoomId> {
        let view = self.rooms.find(room_id).await?;
        let view = view.ok_or_else(|| Error::not_found("This server does not know that room."))?;
        if !matches!(view.join_rule(), JoinRuleKind::Knock | JoinRuleKind::KnockRestricted) {
            return Err(Error::forbidden("One cannot knock on this room."));
        }
        let mut content = self.profile(user).await?;
        content.insert("membership".to_owned(), "knock".into());
        content.extend(reason.map(|reason| ("reason".to_owned(), Value::from(reason))));
        self.set(user, &user.id, room_id, content).await?;
        Ok(room_id.to_owned())
    }

    /// `user` leaves a room, declines its invitation, or takes a knock back.
    pub async fn leave(&self, user: &User, room_id: &RoomId, reason: Option<String>) -> Result<()> {
        let present = self.present(room_id, &user.id).await?;
        match present {
            Some(Membership::Join | Membership::Invite | Membership::Knock) => {
                let mut content = Map::from_iter([("membership".to_owned(), Value::from("leave"))]);
                content.extend(reason.map(|reason| ("reason".to_owned(), Value::from(reason))));
                self.set(user, &user.id, room_id, content).await?;
                Ok(())
            }
            // Leaving twice is no mistake worth an error; it is one to leave without having come.
            Some(Membership::Leave) => Ok(()),
            Some(Membership::Ban) => Err(Error::forbidden("You are banned from this room.")),
            None => Err(Error::forbidden("You are not in this room.")),
        }
    }

    /// `user` invites `target`.
    pub async fn invite(&self, user: &User, target: &UserId, room_id: &RoomId, reason: Option<String>) -> Result<()> {
        let view = self.rooms.joined(user, room_id).await?;
        self.must_exist(target).await?;
        let present = self.present(room_id, target).await?;
        if present == Some(Membership::Join) {
            return Err(Error::forbidden("This user is already in the room."));
        }
        if present == Some(Membership::Ban) {
            return Err(Error::forbidden("This user is banned from the room."));
        }
        self.must_have_power(&view, user, &RoomPowerLevelsIntField::Invite, "invite")?;
        let mut content = self.public_profile(target).await?;
        content.insert("membership".to_owned(), "invite".into());
        content.extend(reason.map(|reason| ("reason".to_owned(), Value::from(reason))));
        self.set(user, target, room_id, content).await?;
        Ok(())
    }

    /// `user` removes `target`.
    pub async fn kick(&self, user: &User, target: &UserId, room_id: &RoomId, reason: Option<String>) -> Result<()> {
        self.rooms.joined(user, room_id).await?;
        let present = self.present(room_id, target).await?;
        if !matches!(present, Some(Membership::Join | Membership::Invite | Membership::Knock)) {
            return Err(Error::forbidden("This user is not in the room."));
        }
        self.remove(user, target, room_id, MembershipState::Leave, reason).await
    }

    /// `user` keeps `target` out of the room from now on.
    pub async fn ban(&self, user: &User, target: &UserId, room_id: &RoomId, reason: Option<String>) -> Result<()> {
        self.rooms.joined(user, room_id).await?;
        self.remove(user, target, room_id, MembershipState::Ban, reason).await
    }

    /// `user` lets `target` come back.
    pub async fn unban(&self, user: &User, target: &UserId, room_id: &RoomId, reason: Option<String>) -> Result<()> {
        self.rooms.joined(user, room_id).await?;
        if self.present(room_id, target).await? != Some(Membership::Ban) {
            return Err(Error::forbidden("This user is not banned from the room."));
        }
        self.remove(user, target, room_id, MembershipState::Leave, reason).await
    }

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

    async fn remove(
        &self,
        user: &User,
        target: &UserId,
        room_id: &RoomId,
        membership: MembershipState,
        reason: Option<String>,
    ) -> Result<()> {
        let mut content = Map::from_iter([("membership".to_owned(), Value::from(membership.as_str()))]);
        content.extend(reason.map(|reason| ("reason".to_owned(), Value::from(reason))));
        self.set(user, target, room_id, content).await?;
        Ok(())
    }

    async fn set(
        &self,
        user: &User,
        target: &UserId,
        room_id: &RoomId,
        content: Map<String, Value>,
    ) -> Result<OwnedEventId> {
        let wish = Wish::state_of("m.room.member", target.as_str(), &content)?;
        self.rooms.send(user, room_id, wish, None).await
    }

    /// What a user is, or was last, in a room.
    pub async fn present(&self, room_id: &RoomId, user: &UserId) -> Result<Option<Membership>> {
        let Some(view) = self.rooms.find(room_id).await? else { return Ok(None) };
        let event = self.rooms.state_event(&view, "m.room.member", user.as_str()).await?;
        Ok(event.as_ref().map(crate::rooms::view::membership_in))
    }

    /// Display name and avatar, as members of a membership event's content.
    async fn profile(&self, user: &User) -> Result<Map<String, Value>> {
        self.public_profile(&user.id).await
    }

    async fn public_profile(&self, user: &UserId) -> Result<Map<String, Value>> {
        let Some(nid) = self.storage.find_user_nid(user).await? else { return Ok(Map::new()) };
        profiles::shown(&mut *self.storage.conn().await?, nid).await
    }

    async fn must_exist(&self, user: &UserId) -> Result<()> {
        if user.server_name() != self.rooms.server_name() {
            return Ok(());
        }
        match accounts::find(&mut *self.storage.conn().await?, user).await? {
            Some(account) if !account.is_deactivated => Ok(()),
            _ => Err(Error::not_found("There is no such user.")),
        }
    }

    fn must_have_power(&self, view: &View, user: &User, act: &RoomPowerLevelsIntField, what: &str) -> Result<()> {
        if view.power(&user.id) >= view.power_needed(*act) {
            Ok(())
        } else {
            Err(Error::forbidden(format!("You do not have the power to {what} in this room.")))
        }
    }

    /// The member on whose authority `user` may come into a restricted room without an invitation:
    /// somebody here who may invite, if `user` is in one of the rooms that the rule names.
    /// Client-server API, "Restricted rooms".
    async fn authority_for(&self, view: &Arc<View>, user: &User) -> Result<Option<OwnedUserId>> {
        if !matches!(view.join_rule(), JoinRuleKind::Restricted | JoinRuleKind::KnockRestricted)
            || view.invited.contains(&user.nid)
        {
            return Ok(None);
        }
        if !self.is_in_an_allowed_room(view, user).await? {
            return Err(Error::forbidden("You are not in any of the rooms whose members may join this one."));
        }
        let needed = view.power_needed(RoomPowerLevelsIntField::Invite);
        for member in self.storage.user_ids(&view.local.iter().copied().collect::<Vec<_>>()).await? {
            if view.power(&member) >= needed {
                return Ok(Some(member));
            }
        }
        Err(Error::refused(
            ruma::api::error::ErrorKind::UnableToGrantJoin,
            "Nobody on this server may let you into that room.",
        ))
    }

    async fn is_in_an_allowed_room(&self, view: &View, user: &User) -> Result<bool> {
        let rule = view.join_rules_event().and_then(|event| event.content_as::<JoinRule>());
        let (Some(JoinRule::Restricted(rule)) | Some(JoinRule::KnockRestricted(rule))) = rule else { return Ok(false) };
        for allowed in rule.allow {
            if let ruma::room::AllowRule::RoomMembership(membership) = allowed
                && let Some(other) = self.rooms.find(&membership.room_id).await?
                && other.is_joined(user.nid)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
