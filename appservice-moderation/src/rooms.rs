//! The rooms that the bot is in: those that it looks after, the operators' room, and chats with people.

use std::sync::{Arc, Mutex, PoisonError};

use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};

use crate::{
    Result,
    clock::Clock,
    ids,
    matrix::{Bot, NewRoom},
    storage::{self, Storage, direct_chats, protected_rooms, settings},
};

/// The setting that holds the operators' room.
const OPERATORS: &str = "operators_room";
/// The first part of the alias of the operators' room.
const OPERATORS_ALIAS: &str = "_moderation_operators";

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
                let topic = "Here administrators look after this server. `!mod help` tells how.";
                let new = NewRoom {
                    alias: OPERATORS_ALIAS,
                    name: Some(name),
                    topic: Some(&topic.replace('`', "")),
                    invite: staff,
                    is_direct: false,
                };
                let room = self.bot.make_room(&new).await?;
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
        if let Some(room) = direct_chats::find(&mut *self.storage.conn().await?, user).await? {
            return Ok(room);
        }
        let alias = format!("_moderation_chat_{}", ids::derived(20, &[user.as_str()]));
        let invite = [user.to_owned()];
        let new = NewRoom { alias: &alias, name: None, topic: None, invite: &invite, is_direct: true };
        let room = self.bot.make_room(&new).await?;
        self.note_chat(&room, user).await?;
        Ok(room)
    }
}
