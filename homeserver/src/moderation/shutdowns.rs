//! Shuts rooms down: everybody of this server leaves, nothing here leads there any more, and if wanted
//! nobody comes in again and people find themselves in another room that tells them why.

use ruma::{
    OwnedRoomAliasId, OwnedRoomId, OwnedUserId, RoomId, UserId,
    api::client::room::create_room::v3::{Request as CreationRequest, RoomPreset},
    serde::Raw,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Moderation,
    errands::{self, Kind},
};
use crate::{
    Error, Result,
    accounts::User,
    audit::Origin,
    rooms::{draft::Wish, view::View},
    storage::{
        blocked_rooms, directory,
        errands::{Errand, State},
        numbers::{RoomNid, UserNid},
        rooms::{self, Membership},
    },
};

/// What the new room is called, and what is said there, if nothing else is asked for.
const NAME: &str = "Content Violation Notification";
const MESSAGE: &str = "Sharing illegal content on this server is not permitted and rooms in violation will be blocked.";

/// How a room is to be shut down.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShutdownRequest {
    /// Who creates a room for those who were in this one.
    pub new_room_user: Option<OwnedUserId>,
    /// What that room is called.
    pub room_name: Option<String>,
    /// What is said there.
    pub message: Option<String>,
    /// Whether nobody comes in again.
    pub blocks: bool,
    /// Whether everything that this server knows of the room is deleted.
    pub purges: bool,
    /// Whether that is done though somebody could not be made to leave.
    pub purges_by_force: bool,
}

/// How far a shutdown has come.
#[derive(Clone, Debug)]
pub struct ShutdownStatus {
    /// The ID by which to ask for it.
    pub id: String,
    /// The room.
    pub room_id: String,
    /// Whether it has ended, and how.
    pub state: State,
    /// What was done.
    pub done: Done,
    /// Why it failed.
    pub error: Option<String>,
}

/// What was done.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Done {
    /// Who was made to leave.
    pub kicked_users: Vec<OwnedUserId>,
    /// Who could not be.
    pub failed_to_kick_users: Vec<OwnedUserId>,
    /// The aliases that stood for the room, and stand for the new one now, if there is one.
    pub local_aliases: Vec<OwnedRoomAliasId>,
    /// The new room.
    pub new_room_id: Option<OwnedRoomId>,
}

/// What is stored of that.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    #[serde(flatten)]
    done: Done,
    /// Who was to leave, of whom some have.
    #[serde(default)]
    leaving: Option<Vec<OwnedUserId>>,
    #[serde(default)]
    error: Option<String>,
}

impl From<Errand> for Result<ShutdownStatus> {
    fn from(errand: Errand) -> Self {
        let Progress { done, error, .. } = errands::parse(&errand.progress)?;
        Ok(ShutdownStatus { id: errand.id, room_id: errand.subject, state: errand.state, done, error })
    }
}

impl Moderation {
    /// Begins to shut a room down; returns the ID by which to ask how far it has come. A room that is not
    /// known here can be blocked.
    pub async fn shut(&self, caller: &User, room_id: &RoomId, request: &ShutdownRequest) -> Result<String> {
        let is_known = self.rooms.find(room_id).await?.is_some();
        if !is_known && !request.blocks {
            return Err(Error::not_found("This server does not know that room."));
        }
        if let Some(user_id) = &request.new_room_user {
            self.accounts.administration.stand_in(caller, user_id).await?;
        }
        let event = Self::act(caller, "room.shutdown")
            .detail("room_id", room_id.as_str())
            .detail("blocks", request.blocks)
            .detail("purges", request.purges);
        self.begin(caller, Kind::Shutdown, room_id.as_str(), (request, &Progress::default()), event).await
    }

    /// How far a shutdown has come.
    pub async fn shutdown(&self, id: &str) -> Result<ShutdownStatus> {
        self.errand(Kind::Shutdown, id).await?.into()
    }

    /// What became of a shutdown, when it has ended.
    pub async fn ended_shutdown(&self, id: &str) -> Result<ShutdownStatus> {
        self.completed(Kind::Shutdown, id).await?.into()
    }

    /// The shutdowns of a room, the oldest first.
    pub async fn shutdowns(&self, room_id: &RoomId) -> Result<Vec<ShutdownStatus>> {
        let kind = Kind::Shutdown as i8;
        let errands = crate::storage::errands::list(&mut *self.conn().await?, kind, room_id.as_str()).await?;
        errands.into_iter().map(Into::into).collect()
    }

    /// Does the errand. Each step looks first at what there is left to do.
    pub(super) async fn shut_down(&self, errand: &Errand) -> Result<()> {
        let request: ShutdownRequest = errands::parse(&errand.request)?;
        let mut progress: Progress = errands::parse(&errand.progress)?;
        let room_id = OwnedRoomId::try_from(errand.subject.as_str())
            .map_err(|_| Error::internal("the subject of a shutdown is not a room"))?;
        if request.blocks {
            blocked_rooms::insert(&mut *self.conn().await?, &room_id, errand.caller, self.now_ms()).await?;
        }
        let Some(view) = self.rooms.find(&room_id).await? else { return Ok(()) };
        self.directory.unpublish(view.nid).await?;
        let refuge = self.refuge(errand, &request, &mut progress).await?;
        self.move_people(errand, &view, refuge, &mut progress).await?;
        self.move_aliases(errand, view.nid, refuge, &mut progress).await?;
        if request.purges && (progress.done.failed_to_kick_users.is_empty() || request.purges_by_force) {
            self.rooms.purge(&view).await?;
        }
        self.advance(errand, &progress).await
    }

    /// The room for those who were in the old one, made if it is wanted and not there yet.
    async fn refuge(
        &self,
        errand: &Errand,
        request: &ShutdownRequest,
        progress: &mut Progress,
    ) -> Result<Option<RoomNid>> {
        if let Some(room_id) = &progress.done.new_room_id {
            return self.rooms.find_nid(room_id).await;
        }
        let Some(user_id) = &request.new_room_user else { return Ok(None) };
        let creator = self.in_name_of(user_id).await?;
        let mut creation = CreationRequest::new();
        creation.preset = Some(RoomPreset::PublicChat);
        creation.name = Some(request.room_name.clone().unwrap_or_else(|| NAME.to_owned()));
        // Nobody but its creator says anything there.
        creation.power_level_content_override = Some(Raw::from_json(raw(&json!({ "users_default": -10 }))?));
        let room_id = self.creations.make(&creator, creation).await?;
        progress.done.new_room_id = Some(room_id.clone());
        self.advance(errand, progress).await?;
        let message = request.message.as_deref().unwrap_or(MESSAGE);
        let wish = Wish::message("m.room.message", raw(&json!({ "msgtype": "m.text", "body": message }))?);
        self.rooms.send(&creator, &room_id, wish, None).await?;
        self.rooms.find_nid(&room_id).await
    }

    /// Lets everybody of this server leave, who then finds themselves in `refuge`.
    async fn move_people(
        &self,
        errand: &Errand,
        view: &View,
        refuge: Option<RoomNid>,
        progress: &mut Progress,
    ) -> Result<()> {
        if progress.leaving.is_none() {
            let present = rooms::present_members(&mut *self.conn().await?, view.nid).await?;
            let here: Vec<UserNid> =
                present.iter().filter(|member| member.is_local).map(|member| member.user).collect();
            progress.leaving = Some(self.storage.user_ids(&here).await?);
            self.advance(errand, progress).await?;
        }
        let leaving = progress.leaving.clone().unwrap_or_default();
        progress.done.failed_to_kick_users.clear();
        progress.done.kicked_users.clear();
        for user_id in leaving {
            match self.move_one(view, &user_id, refuge).await {
                Ok(()) => progress.done.kicked_users.push(user_id),
                Err(Error::Refused { .. } | Error::Denied(_)) => progress.done.failed_to_kick_users.push(user_id),
                Err(fault) => return Err(fault),
            }
        }
        self.advance(errand, progress).await
    }

    async fn move_one(&self, view: &View, user_id: &UserId, refuge: Option<RoomNid>) -> Result<()> {
        let user = self.storage.intern_user(user_id).await?;
        let was_in = match rooms::find_member(&mut *self.conn().await?, view.nid, user).await? {
            Some(member) => member.membership,
            None => return Ok(()),
        };
        if matches!(was_in, Membership::Join | Membership::Invite | Membership::Knock) {
            let leave = Wish::state_of("m.room.member", user_id.as_str(), &json!({ "membership": "leave" }))?;
            self.rooms.say(user_id, view.nid, leave, None).await?;
        }
        if rooms::forget(&mut *self.conn().await?, view.nid, user).await? {
            self.rooms.residents().forget(user, view.nid);
        }
        if let Some(refuge) = refuge {
            let mut content: Map<String, Value> = self.memberships.shown_profile(user_id).await?;
            content.insert("membership".to_owned(), "join".into());
            let join = Wish::state_of("m.room.member", user_id.as_str(), &content)?;
            match self.rooms.say(user_id, refuge, join, None).await {
                // Then they are told by nobody why they are not in the old one.
                Ok(_) | Err(Error::Refused { .. }) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    /// Lets the aliases of the room stand for `refuge`, or nothing.
    async fn move_aliases(
        &self,
        errand: &Errand,
        room: RoomNid,
        refuge: Option<RoomNid>,
        progress: &mut Progress,
    ) -> Result<()> {
        let aliases = directory::list_aliases(&mut *self.conn().await?, room).await?;
        if aliases.is_empty() {
            return Ok(());
        }
        progress.done.local_aliases.extend(aliases.iter().cloned());
        self.advance(errand, progress).await?;
        let mut conn = self.conn().await?;
        if let Some(refuge) = refuge {
            return directory::move_aliases(&mut conn, room, refuge).await;
        }
        for alias in &aliases {
            directory::delete_alias(&mut conn, alias, room).await?;
        }
        Ok(())
    }

    /// A user as a caller, for what this server does in their name.
    async fn in_name_of(&self, user_id: &UserId) -> Result<User> {
        let account = self.accounts.administration.find(user_id).await?;
        let origin = Origin::new(std::net::Ipv4Addr::UNSPECIFIED.into(), None);
        Ok(User::of_account(account, origin))
    }
}

fn raw(value: &Value) -> Result<Box<serde_json::value::RawValue>> {
    serde_json::value::to_raw_value(value).map_err(|fault| Error::internal(fault.to_string()))
}
