//! Who is in a room.

use std::sync::Arc;

use ruma::RoomId;
use serde::Deserialize;

use super::{Reading, token::Token, write_state_event};
use crate::{
    Error, Result,
    accounts::User,
    event::Event,
    json,
    rooms::view::membership_in,
    storage::{
        events::Range,
        numbers::{Position, RoomNid},
    },
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
            let at = Token::parse(at)?.position.min(self.rooms.horizon(&sight));
            let last = self.last_before(view.nid, Position(at.0.saturating_add(1))).await?;
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

    /// The last event below a position. Below all there are it is the second, by which the creator joined:
    /// there is nothing to tell of a room before that.
    async fn last_before(&self, room: RoomNid, below: Position) -> Result<Option<Arc<Event>>> {
        let last = self.rooms.stored_page(room, Range::Down(below, Position(i64::MIN)), 1).await?.pop();
        if last.is_some() {
            return Ok(last);
        }
        let all = Range::Up(Position(i64::MIN), Position(i64::MAX));
        Ok(self.rooms.stored_page(room, all, 2).await?.pop())
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
                        // Who has neither has both as `null`: some clients want the members to be there.
                        let (name, avatar) = shown.map_or((None, None), |shown| (shown.displayname, shown.avatar_url));
                        member.text_or_null("display_name", name.as_deref());
                        member.text_or_null("avatar_url", avatar.as_deref());
                    });
                }
            });
        }))
    }
}
