//! Who is in a room.

use ruma::RoomId;
use serde::Deserialize;

use super::{Reading, token::Token, write_state_event};
use crate::{
    Error, Result,
    accounts::User,
    json,
    rooms::{timeline::Direction, view::membership_in},
    storage::numbers::Position,
};

impl Reading {
    /// The membership events of a room, now or as it stood at `at`, those with (or without) a
    /// membership if given.
    pub async fn members(
        &self,
        reader: &User,
        room_id: &RoomId,
        at: Option<&str>,
        wanted: Option<&str>,
        unwanted: Option<&str>,
    ) -> Result<String> {
        let (view, mut state) = self.known_state(reader, room_id).await?;
        if let Some(at) = at {
            let position = Token::parse(at)?.position;
            let mut sight = self.rooms.sight(&view, reader.nid).await?;
            let before = Position(position.0.saturating_add(1));
            let page = self.rooms.page(&mut sight, view.nid, Direction::Backward, before, None, 1, |_| true).await?;
            if let Some(last) = page.events.first() {
                state = self.rooms.state_after(&last.event).await?.unwrap_or(state);
            }
        }
        let mut events = self.rooms.state_events(&state).await?;
        events.retain(|event| {
            let is_member = event.kind().to_string() == "m.room.member";
            let membership = membership_in(event).as_str();
            is_member && wanted.is_none_or(|wanted| wanted == membership) && unwanted != Some(membership)
        });
        Ok(json::object(|answer| answer.array("chunk", &events, |out, event| write_state_event(out, event))))
    }

    /// The users in a room, with their names and avatars there.
    pub async fn joined_members(&self, reader: &User, room_id: &RoomId) -> Result<String> {
        #[derive(Deserialize)]
        struct Shown {
            displayname: Option<String>,
            avatar_url: Option<String>,
        }
        let view = self.rooms.find(room_id).await?.filter(|view| view.is_joined(reader.nid));
        let view = view.ok_or_else(|| Error::forbidden("You are not in this room."))?;
        let events = self.rooms.member_events(&view).await?;
        Ok(json::object(|answer| {
            answer.object("joined", |joined| {
                for event in &events {
                    let shown = event.content_as::<Shown>();
                    joined.object(event.state_key().unwrap_or_default(), |member| {
                        let Some(shown) = shown else { return };
                        if let Some(name) = &shown.displayname {
                            member.text("display_name", name);
                        }
                        if let Some(avatar) = &shown.avatar_url {
                            member.text("avatar_url", avatar);
                        }
                    });
                }
            });
        }))
    }
}
