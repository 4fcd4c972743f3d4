//! Who is in a room.

use ruma::RoomId;
use serde::Deserialize;

use super::{Reading, token::Token, write_state_event};
use crate::{
    Error, Result,
    accounts::User,
    json,
    rooms::view::membership_in,
    storage::{events::Range, numbers::Position},
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
        let (view, mut sight, mut state) = self.known_state(reader, room_id).await?;
        if let Some(at) = at {
            let before = Position(Token::parse(at)?.position.min(self.rooms.horizon(&sight)).0.saturating_add(1));
            let last = self.rooms.stored_page(view.nid, Range::Down(before, Position(i64::MIN)), 1).await?.pop();
            // Of a time that they may not see, readers are told nothing but what they know anyway.
            if let Some(last) = last
                && sight.see(&last).await?.is_visible
            {
                state = self.rooms.state_after(&last).await?.unwrap_or(state);
            }
        }
        let mut events = self.rooms.state_events_where(&state, |kind, _| kind == "m.room.member").await?;
        events.retain(|event| {
            let membership = membership_in(event).as_str();
            match (wanted, unwanted) {
                // "Either the membership is the same as membership or is not the same as not_membership."
                (Some(wanted), Some(unwanted)) => membership == wanted || membership != unwanted,
                (Some(wanted), None) => membership == wanted,
                (None, unwanted) => unwanted != Some(membership),
            }
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
