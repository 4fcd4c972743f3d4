//! Comes into rooms to which the bot is invited, and forgets those from which it was put out.

use ruma::{EventId, RoomId};
use tracing::info;

use crate::{
    Result,
    event::Event,
    matrix::Bot,
    reply::Reply,
    roles::Roles,
    rooms::{Place, Rooms},
};

/// Answers invitations; clones share it.
#[derive(Clone, Debug)]
pub struct Invitations {
    bot: Bot,
    rooms: Rooms,
    roles: Roles,
    accept_all: bool,
}

impl Invitations {
    /// Answers for `bot`; with `accept_all`, everybody of the server may invite it.
    pub fn new(bot: Bot, rooms: Rooms, roles: Roles, accept_all: bool) -> Self {
        Self { bot, rooms, roles, accept_all }
    }

    /// Hears an event, which may be about the bot's own membership.
    pub async fn hear(&self, event: &Event) -> Result<()> {
        match event.membership() {
            Some(("invite", user)) if *user == *self.bot.user_id() => self.answer(event).await,
            Some(("leave" | "ban", user)) if *user == *self.bot.user_id() => {
                info!(room.id = %event.room_id, "The bot is in a room no more");
                self.rooms.forget(&event.room_id).await
            }
            _ => Ok(()),
        }
    }

    async fn answer(&self, event: &Event) -> Result<()> {
        let (room, by) = (&event.room_id, &event.sender);
        if *by == *self.bot.user_id() || self.rooms.place(room).await? == Place::Operators {
            return Ok(());
        }
        let role = self.roles.of(by).await?;
        if !self.bot.is_local(by) || (role.is_none() && !self.accept_all) {
            info!(room.id = %room, user.id = %by, "An invitation is refused");
            return self.bot.leave(room).await;
        }
        self.bot.join(room).await?;
        if event.content.get("is_direct").is_some_and(|value| value == true) {
            if self.bot.is_encrypted(room).await? {
                return self.rooms.move_from_encrypted(room, by, &event.event_id).await;
            }
            self.rooms.note_chat(room, by).await?;
            return self.greet(room, &event.event_id, "Write `help`, and I tell what I can do for you.").await;
        }
        self.rooms.protect(room, true, by).await?;
        let use_commands = match self.bot.is_encrypted(room).await? {
            true => "This room is encrypted, so I see who comes and goes here, but cannot read commands.",
            false => "Then those who moderate here can use `!mod help`.",
        };
        let greeting = format!(
            "I look after this room now. Please make me a moderator: then who is banned from the whole server is banned \
             from here too. {use_commands}"
        );
        self.greet(room, &event.event_id, &greeting).await
    }

    async fn greet(&self, room: &RoomId, cause: &EventId, text: &str) -> Result<()> {
        self.bot.say(room, &Reply::new(text), &format!("{cause}-greeting")).await?;
        Ok(())
    }
}
