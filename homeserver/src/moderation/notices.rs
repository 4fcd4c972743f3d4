//! Tells people something in the name of the server: each has a room for that, in which nobody else says
//! anything. Client-server API, "Server notices".

use ruma::{
    OwnedEventId, OwnedUserId, UserId,
    api::client::room::create_room::v3::{Request as CreationRequest, RoomPreset},
    events::tag::TagInfo,
    serde::Raw,
};
use serde_json::{Map, Value, json};

use super::{Moderation, shutdowns::raw};
use crate::{
    Error, Result,
    accounts::{User, registration::NewAccount},
    audit::Actor,
    error::ErrorKind,
    rooms::draft::Wish,
    storage::{
        accounts::{Account, AccountKind, AccountState},
        notice_rooms,
        numbers::RoomNid,
        rooms::{self, Membership},
    },
};

/// The user who tells it, and what that user and the room are called.
const LOCALPART: &str = "_server_notices";
const NAME: &str = "Server notices";
/// By which clients know the room.
const TAG: &str = "m.server_notice";

/// What somebody is to be told.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The type of the event.
    pub kind: String,
    /// The state key, if it is to be a piece of the room's state.
    pub state_key: Option<String>,
    /// The content of the event.
    pub content: Map<String, Value>,
    /// By which it is known that it has been told already.
    pub txn_id: Option<String>,
}

impl Moderation {
    /// Tells a user of this server something.
    pub async fn tell(&self, caller: &User, user_id: &UserId, notice: Notice) -> Result<OwnedEventId> {
        let account = self.accounts.administration.find(user_id).await?;
        if account.state() == AccountState::Deactivated {
            return Err(Error::not_found("This account has been deactivated."));
        }
        self.record(Self::act(caller, "notice.send").on(user_id)).await?;
        let teller = self.teller().await?;
        let room = self.notice_room(&teller, &account).await?;
        self.ask_into(&teller, &account, room).await?;
        let content = raw(&Value::Object(notice.content))?;
        let mut wish = Wish::message(notice.kind.as_str(), content);
        wish.state_key = notice.state_key;
        let room_id = &self.rooms.load(room).await?.id;
        // The room is everybody's own, but the user who speaks there is not.
        let txn_id = notice.txn_id.map(|txn_id| format!("{user_id} {txn_id}"));
        self.rooms.send(&teller, room_id, wish, txn_id.as_deref()).await
    }

    /// The user who tells, made if need be.
    async fn teller(&self) -> Result<User> {
        let user_id = UserId::parse_with_server_name(LOCALPART, self.rooms.server_name())
            .map_err(|fault| Error::internal(format!("the user of notices has a wrong name: {fault}")))?;
        match self.accounts.administration.find(&user_id).await {
            Err(error) if error.is_not_found() => self.make_teller(user_id.clone()).await?,
            Err(error) => return Err(error),
            Ok(account) if account.kind != AccountKind::AppService => {
                return Err(Error::conflict(format!("Somebody else has the name {user_id}.")));
            }
            Ok(_) => {}
        }
        self.in_name_of(&user_id).await
    }

    async fn make_teller(&self, user_id: OwnedUserId) -> Result<()> {
        let new = NewAccount {
            kind: AccountKind::AppService,
            display_name: Some(NAME.to_owned()),
            ..NewAccount::of(user_id, Actor::server())
        };
        match self.accounts.registration.create(new).await {
            // Another request was faster.
            Err(Error::Refused { kind: ErrorKind::UserInUse, .. }) => Ok(()),
            created => created.map(drop),
        }
    }

    /// The room of a user, made if there is none, or if it was closed.
    async fn notice_room(&self, teller: &User, account: &Account) -> Result<RoomNid> {
        let known = notice_rooms::find(&mut *self.conn().await?, account.user).await?;
        if let Some(room) = known
            && self.rooms.find_by_nid(room).await?.is_some_and(|view| view.is_joined(teller.nid))
        {
            return Ok(room);
        }
        let mut creation = CreationRequest::new();
        creation.preset = Some(RoomPreset::PrivateChat);
        creation.name = Some(NAME.to_owned());
        creation.power_level_content_override = Some(Raw::from_json(raw(&json!({ "users_default": -10 }))?));
        let room_id = self.creations.make(teller, creation).await?;
        let room = self.rooms.find_nid(&room_id).await?;
        let room = room.ok_or_else(|| Error::internal("a room that was made is not known"))?;
        let mut conn = self.conn().await?;
        if notice_rooms::replace(&mut conn, account.user, known, room).await? {
            drop(conn);
            self.accounts.account_data.set_tag(account.user, room, TAG.to_owned(), &TagInfo::new()).await?;
            return Ok(room);
        }
        // Another request was faster; nobody was asked into this one.
        let theirs = notice_rooms::find(&mut conn, account.user).await?;
        theirs.ok_or_else(|| Error::internal("a room for notices has vanished"))
    }

    /// Invites a user who is not there. Who wants no invitations is shown none, and so comes in at once.
    async fn ask_into(&self, teller: &User, account: &Account, room: RoomNid) -> Result<()> {
        let member = rooms::find_member(&mut *self.conn().await?, room, account.user).await?;
        let present = member.map(|member| member.membership);
        let is_let_in = self.memberships.blocks_invitations(account.user).await?;
        if present == Some(Membership::Join) || (present == Some(Membership::Invite) && !is_let_in) {
            return Ok(());
        }
        let mut content: Map<String, Value> = self.memberships.shown_profile(&account.user_id).await?;
        let steps = [(&teller.id, "invite", true), (&account.user_id, "join", is_let_in)];
        for (by, membership, _) in steps.into_iter().filter(|(.., is_taken)| *is_taken) {
            content.insert("membership".to_owned(), membership.into());
            let wish = Wish::state_of("m.room.member", account.user_id.as_str(), &content)?;
            self.rooms.say(by, room, wish, None).await?;
        }
        Ok(())
    }
}
