//! The rooms that the bot is in: those that it looks after, the operators' room, and chats with people.

use std::sync::{Arc, Mutex, PoisonError};

use ruma::{EventId, OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde_json::json;

use crate::{
    Result,
    clock::Clock,
    ids,
    matrix::Bot,
    reply::Reply,
    storage::{self, Storage, direct_chats, protected_rooms, settings},
};

/// The setting that holds the operators' room.
const OPERATORS: &str = "operators_room";
/// The first part of the alias of the operators' room.
const OPERATORS_ALIAS: &str = "_moderation_operators";
const OPERATORS_TOPIC: &str = "Here administrators look after this server. !mod help tells how.";

/// What a room is to the bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where people command who have a role.
    Operators,
    /// A chat with one user.
    Chat(OwnedUserId),
    /// A room that it looks after.
    Protected,
    /// Any other room.
    Other,
}

/// Knows the rooms; clones share it.
#[derive(Clone, Debug)]
pub struct Rooms {
    storage: Storage,
    clock: Clock,
    bot: Bot,
    operators: Arc<Mutex<Option<OwnedRoomId>>>,
}

impl Rooms {
    /// The rooms of `bot`.
    pub fn new(storage: Storage, clock: Clock, bot: Bot) -> Self {
        Self { storage, clock, bot, operators: Arc::default() }
    }

    /// What a room is.
    pub async fn place(&self, room: &RoomId) -> Result<Place> {
        if self.operators().as_deref() == Some(room) {
            return Ok(Place::Operators);
        }
        let mut conn = self.storage.conn().await?;
        if let Some(user) = direct_chats::find_user(&mut conn, room).await? {
            return Ok(Place::Chat(user));
        }
        let is_protected = protected_rooms::is_protected(&mut conn, room).await?;
        Ok(if is_protected == Some(true) { Place::Protected } else { Place::Other })
    }

    /// The operators' room, once it is there.
    pub fn operators(&self) -> Option<OwnedRoomId> {
        self.operators.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Finds the operators' room or makes it; says whether it was made. `staff` are invited to a new one.
    pub async fn open_operators(&self, name: &str, staff: &[OwnedUserId]) -> Result<(OwnedRoomId, bool)> {
        let mut conn = self.storage.conn().await?;
        let known = settings::find(&mut conn, OPERATORS).await?;
        let known = known.and_then(|id| OwnedRoomId::try_from(String::from_utf8(id).ok()?).ok());
        let is_new = known.is_none();
        let room = match known {
            Some(room) => room,
            None => {
                // In a private chat only its maker can turn on encryption, which the bot could not read.
                let body = json!({ "preset": "private_chat", "name": name, "topic": OPERATORS_TOPIC, "invite": staff });
                let room = self.bot.make_room(OPERATORS_ALIAS, body).await?;
                settings::put(&mut conn, OPERATORS, room.as_str().as_bytes(), self.clock.now_ms()).await?;
                room
            }
        };
        *self.operators.lock().unwrap_or_else(PoisonError::into_inner) = Some(room.clone());
        Ok((room, is_new))
    }

    /// The rooms that the bot looks after.
    pub async fn protected(&self) -> Result<Vec<OwnedRoomId>> {
        protected_rooms::list(&mut *self.storage.conn().await?).await
    }

    /// Notes whether the bot looks after a room.
    pub async fn protect(&self, room: &RoomId, is_protected: bool, by: &UserId) -> Result<()> {
        let now_ms = self.clock.now_ms();
        protected_rooms::put(&mut *self.storage.conn().await?, room, is_protected, by, now_ms).await
    }

    /// Notes a chat that a user began.
    pub async fn note_chat(&self, room: &RoomId, user: &UserId) -> Result<()> {
        direct_chats::put(&mut *self.storage.conn().await?, user, room).await
    }

    /// Forgets a room that the bot is in no more.
    pub async fn forget(&self, room: &RoomId) -> Result<()> {
        let mut conn = self.storage.conn().await?;
        storage::protected_rooms::delete(&mut conn, room).await?;
        direct_chats::delete(&mut conn, room).await
    }

    /// The chat with a user; it is made if there is none.
    pub async fn chat_with(&self, user: &UserId) -> Result<OwnedRoomId> {
        match direct_chats::find(&mut *self.storage.conn().await?, user).await? {
            Some(room) => Ok(room),
            None => self.open_chat_with(user).await,
        }
    }

    /// Goes on with a user in a chat that the bot can read.
    pub async fn move_from_encrypted(&self, room: &RoomId, user: &UserId, cause: &EventId) -> Result<()> {
        let reply = Reply::new("I cannot read what is encrypted. I invite you to a chat where I can.");
        self.bot.say(room, &reply, &format!("{cause}-encryption")).await?;
        let chat = self.open_chat_with(user).await?;
        let reply = Reply::new("Here I can read what you write. `help` tells what I can do for you.");
        self.bot.say(&chat, &reply, &format!("{cause}-chat")).await?;
        if self.operators().as_deref() != Some(room) && chat != room {
            self.bot.leave(room).await?;
        }
        Ok(())
    }

    /// A chat with a user that the bot makes itself, so that it is not encrypted; from now on it is the one with them.
    pub async fn open_chat_with(&self, user: &UserId) -> Result<OwnedRoomId> {
        let alias = format!("_moderation_chat_{}", ids::derived(20, &[user.as_str()]));
        let body = json!({ "preset": "private_chat", "invite": [user], "is_direct": true });
        let room = self.bot.make_room(&alias, body).await?;
        self.note_chat(&room, user).await?;
        self.bot.invite_if_away(&room, user).await?;
        Ok(room)
    }
}
