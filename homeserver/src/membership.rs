//! Who comes into rooms and who goes: join, leave, invite, knock, kick, ban.

mod coming;
mod following;
mod going;
mod inviting;
mod of_user;
mod succession;
mod third_party;

use std::sync::Arc;

use ruma::{OwnedEventId, RoomId, UserId};
use serde_json::{Map, Value};
use tokio::sync::Notify;

use crate::{
    Error, Result,
    accounts::{User, account_data::AccountData, turns::Turns},
    admission::Admission,
    remote::appservices::AppServiceClient,
    rooms::{
        Rooms,
        draft::Wish,
        view::{View, membership_in},
    },
    storage::{Storage, profiles, rooms::Membership},
};

/// The content of a membership event.
type Content = Map<String, Value>;

/// Changes of membership by local users.
#[derive(Clone, Debug)]
pub struct Memberships {
    storage: Storage,
    rooms: Rooms,
    admission: Admission,
    account_data: AccountData,
    turns: Turns,
    appservices: AppServiceClient,
    /// Rung when a user's rooms could not be shown a new profile.
    unfinished: Arc<Notify>,
}

impl Memberships {
    /// Memberships of `rooms`.
    pub fn new(
        storage: Storage,
        rooms: Rooms,
        admission: Admission,
        account_data: AccountData,
        appservices: AppServiceClient,
    ) -> Self {
        let (turns, unfinished) = (Turns::default(), Arc::default());
        Self { storage, rooms, admission, account_data, turns, appservices, unfinished }
    }

    /// Makes of `target` what `content` says, as if the request for just that had been sent.
    /// Client-server API, "Room membership".
    pub async fn set(&self, user: &User, target: &UserId, room_id: &RoomId, content: Content) -> Result<OwnedEventId> {
        let is_own = user.id == *target;
        let membership = content.get("membership").and_then(Value::as_str);
        match (membership, is_own) {
            (Some("join"), true) => self.enter(user, room_id, content).await,
            (Some("join"), false) => Err(Error::forbidden("Nobody can join a room for somebody else.")),
            (Some("knock"), true) => self.ask_to_enter(user, room_id, content).await,
            (Some("knock"), false) => Err(Error::forbidden("Nobody can knock for somebody else.")),
            (Some("invite"), _) => self.ask_in(user, target, room_id, content).await,
            (Some("leave"), true) => self.depart(user, room_id, content).await,
            (Some("leave"), false) => self.let_go(user, target, room_id, content).await,
            (Some("ban"), _) => self.keep_out(user, target, room_id, content).await,
            _ => Err(Error::bad_json("A membership is one of join, invite, knock, leave and ban.")),
        }
    }

    /// Sends a membership event. What only servers say is taken out of `content`.
    async fn send(
        &self,
        user: &User,
        target: &UserId,
        room_id: &RoomId,
        membership: Membership,
        content: Content,
    ) -> Result<OwnedEventId> {
        if user.is_shadow_banned && user.id != *target {
            return self.rooms.pretend(user, room_id).await;
        }
        let wish = Wish::state_of("m.room.member", target.as_str(), &cleaned(content, membership))?;
        self.rooms.send(user, room_id, wish, None).await
    }

    /// What a user is, or was last, in a room.
    pub async fn present(&self, room_id: &RoomId, user: &UserId) -> Result<Option<Membership>> {
        let Some(view) = self.rooms.find(room_id).await? else { return Ok(None) };
        Ok(self.member_event(&view, user).await?.map(|(membership, _)| membership))
    }

    async fn member_event(&self, view: &View, user: &UserId) -> Result<Option<(Membership, OwnedEventId)>> {
        let event = self.rooms.state_event(view, "m.room.member", user.as_str()).await?;
        Ok(event.map(|event| (membership_in(&event), event.id().to_owned())))
    }

    async fn known(&self, room_id: &RoomId) -> Result<Arc<View>> {
        self.rooms.find(room_id).await?.ok_or_else(|| Error::not_found("This server does not know that room."))
    }

    /// The display name and avatar of a user of this server, as members of a membership event's
    /// content.
    pub async fn shown_profile(&self, user: &UserId) -> Result<Content> {
        let Some(nid) = self.storage.find_user_nid(user).await? else { return Ok(Map::new()) };
        profiles::shown(&mut *self.storage.conn().await?, nid).await
    }
}

fn cleaned(mut content: Content, membership: Membership) -> Content {
    content.remove("join_authorised_via_users_server");
    content.remove("third_party_invite");
    content.insert("membership".to_owned(), membership.as_str().into());
    content
}

/// Content that says nothing but why.
fn because(reason: Option<String>) -> Content {
    reason.map(|reason| ("reason".to_owned(), Value::from(reason))).into_iter().collect()
}
