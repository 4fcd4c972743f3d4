//! Tells users what concerns them, each in a room where only the server speaks. Client-server API, "Server
//! Notices".

use std::sync::Arc;

use ruma::{
    OwnedEventId, OwnedUserId, UserId,
    api::client::room::create_room::v3::{Request as CreationRequest, RoomPreset},
    events::tag::TagInfo,
    serde::Raw,
};
use serde_json::{
    json,
    value::{RawValue, to_raw_value},
};

use super::Moderation;
use crate::{
    Error, Result,
    accounts::{User, registration::NewAccount},
    audit::Actor,
    error::ErrorKind,
    rooms::{draft::Wish, view::View},
    storage::{
        accounts::{Account, AccountKind},
        rooms::Membership,
        server_notices,
    },
};

/// The tag by which clients know the room.
const TAG: &str = "m.server_notice";

/// What a user is told.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The type of the event.
    pub kind: String,
    /// Its state key, if it is state.
    pub state_key: Option<String>,
    /// Its content.
    pub content: Box<RawValue>,
}

impl Moderation {
    /// Tells a user of this server something. The same `txn_id` of the same device tells it once.
    pub async fn tell(
        &self,
        caller: &User,
        user_id: &UserId,
        notice: Notice,
        txn_id: Option<&str>,
    ) -> Result<OwnedEventId> {
        let account = self.accounts.administration.find(user_id).await?;
        if account.is_deactivated || account.kind != AccountKind::User {
            return Err(Error::invalid_param("This is no user who could read it."));
        }
        let voice = User { device_id: caller.device_id.clone(), ..self.voice(caller).await? };
        let _turn = self.turns.take(account.user).await;
        let view = self.notice_room(&voice, &account).await?;
        self.record(Self::act(caller, "notice.send").on(user_id).detail("room_id", view.id.as_str())).await?;
        let wish = match notice.state_key {
            None => Wish::message(notice.kind, notice.content),
            Some(state_key) => Wish::state(notice.kind, state_key, notice.content),
        };
        self.rooms.send(&voice, &view.id, wish, txn_id).await
    }

    /// The user by whom the server speaks, who is made when there is something to say.
    async fn voice(&self, caller: &User) -> Result<User> {
        let user_id = self.voice_id()?;
        let new = NewAccount {
            kind: AccountKind::AppService,
            display_name: Some(self.notices.display_name.clone()),
            ..NewAccount::of(user_id.clone(), Actor::server())
        };
        match self.accounts.administration.find(&user_id).await {
            Err(missing) if missing.is_not_found() => match self.accounts.registration.create(new).await {
                Ok(_) | Err(Error::Refused { kind: ErrorKind::UserInUse, .. }) => {}
                Err(fault) => return Err(fault),
            },
            found => drop(found?),
        }
        self.accounts.administration.stand_in(caller, &user_id).await
    }

    fn voice_id(&self) -> Result<OwnedUserId> {
        let localpart = &self.notices.localpart;
        UserId::parse_with_server_name(localpart.as_str(), self.rooms.server_name())
            .map_err(|_| Error::internal("server_notices.localpart is no user name"))
    }

    /// The room of a user, made if there is none, and the user in it or invited to it.
    async fn notice_room(&self, voice: &User, account: &Account) -> Result<Arc<View>> {
        let found = server_notices::find_room(&mut *self.conn().await?, account.user).await?;
        let view = match found {
            Some(room) => self.rooms.load(room).await?,
            None => self.new_notice_room(voice, account).await?,
        };
        let present = self.memberships.present(&view.id, &account.user_id).await?;
        if !matches!(present, Some(Membership::Join | Membership::Invite)) {
            // Whoever left the room may have taken the tag off it, and is to know it by that again.
            self.accounts.account_data.set_tag(account.user, view.nid, TAG.to_owned(), &TagInfo::new()).await?;
            // Rules about who may invite are not about the server itself.
            let content = self.memberships.invitation(&account.user_id, false).await?;
            let invite = Wish::state_of("m.room.member", account.user_id.as_str(), &content)?;
            self.rooms.say(&voice.id, view.nid, invite, None).await?;
        }
        Ok(view)
    }

    async fn new_notice_room(&self, voice: &User, account: &Account) -> Result<Arc<View>> {
        let levels = to_raw_value(&json!({ "users_default": -10 })).map_err(anyhow::Error::from)?;
        let mut creation = CreationRequest::new();
        creation.preset = Some(RoomPreset::PrivateChat);
        creation.name = Some(self.notices.room_name.clone());
        creation.power_level_content_override = Some(Raw::from_json(levels));
        let room_id = self.creations.make(voice, creation).await?;
        let nid = self.rooms.find_nid(&room_id).await?.ok_or_else(|| Error::internal("a new room is not there"))?;
        // Another process may have been faster; its room counts.
        let mut conn = self.conn().await?;
        server_notices::insert_room(&mut conn, account.user, nid, self.now_ms()).await?;
        let room = server_notices::find_room(&mut conn, account.user).await?.unwrap_or(nid);
        drop(conn);
        self.rooms.load(room).await
    }
}
