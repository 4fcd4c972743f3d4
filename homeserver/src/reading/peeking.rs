//! A look into a room: its state and its newest events at once. Client-server API, "Room Previews".

use ruma::RoomId;

use super::{Reading, filter::EventFilter, token::Token, write_state_event};
use crate::{
    Result,
    accounts::User,
    json,
    storage::{account_data, directory, events::Range, numbers::Position},
};

/// Events that are shown.
const EVENTS: usize = 20;

impl Reading {
    /// A room as its reader may know it, with its newest events.
    pub async fn peek(&self, reader: &User, room_id: &RoomId) -> Result<String> {
        let (view, mut sight, state) = self.known_state(reader, room_id).await?;
        let horizon = self.rooms.horizon(&sight);
        let range = Range::Down(Position(horizon.0.saturating_add(1)), Position(i64::MIN));
        let mut page = self.page(&mut sight, &view, range, EVENTS, &EventFilter::default()).await?;
        page.events.reverse();
        let state = self.rooms.state_events(&state).await?;
        let mut conn = self.storage.conn().await?;
        let account_data = account_data::of_room(&mut conn, reader.nid, view.nid).await?;
        let is_published = directory::is_published(&mut conn, view.nid).await?;
        drop(conn);
        let telling = self.telling(&mut sight, reader, &page.events).await?;
        let membership = sight.membership();
        Ok(json::object(|answer| {
            answer.text("room_id", view.id.as_str());
            if let Some(membership) = membership {
                answer.text("membership", membership.as_str());
            }
            answer.object("messages", |messages| {
                if let Some(next) = page.next {
                    messages.text("start", &Token { position: Position(next.0 - 1) }.to_string());
                }
                messages.text("end", &Token { position: horizon }.to_string());
                messages.array("chunk", &page.events, |out, visible| telling.write(out, visible));
            });
            answer.array("state", &state, |out, event| write_state_event(out, event));
            answer.text("visibility", if is_published { "public" } else { "private" });
            answer.array("account_data", &account_data, |out, data| {
                json::write_object(out, |event| {
                    event.text("type", &data.kind);
                    event.raw("content", &data.content);
                });
            });
        }))
    }
}
