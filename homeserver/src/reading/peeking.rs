//! A look into a room: its state and its newest events at once, then what comes. Client-server API,
//! "Room Previews".

use std::time::Duration;

use ruma::RoomId;
use tokio::time::Instant;

use super::{Reading, filter::EventFilter, token::Token, write_state_event};
use crate::{
    Result,
    accounts::User,
    json,
    rooms::timeline::Page,
    storage::{
        account_data, directory,
        events::Range,
        numbers::{Position, RoomNid},
    },
};

/// Events that are shown of what comes, and at most of what was there.
const EVENTS: usize = 20;
const MOST_EVENTS: usize = 500;
/// How long a request waits that does not say it, and the longest.
const WAIT: (Duration, Duration) = (Duration::from_secs(30), Duration::from_mins(5));

impl Reading {
    /// A room as its reader may know it, with its newest events, at most `limit`.
    pub async fn peek(&self, reader: &User, room_id: &RoomId, limit: usize) -> Result<String> {
        let (view, mut sight, state) = self.known_state(reader, room_id).await?;
        let horizon = self.rooms.horizon(&sight);
        let range = Range::Down(Position(horizon.0.saturating_add(1)), Position(i64::MIN));
        let mut page = self.page(&mut sight, &view, range, limit.min(MOST_EVENTS), &EventFilter::default()).await?;
        page.events.reverse();
        let state = self.rooms.state_events(&state).await?;
        let mut conn = self.storage.conn().await?;
        let account_data = account_data::of_room(&mut conn, reader.nid, view.nid).await?;
        let is_published = directory::lists::is_published(&mut conn, view.nid).await?;
        drop(conn);
        let telling = self.telling(&mut sight, reader, &page.events).await?;
        let membership = sight.membership();
        Ok(json::object(|answer| {
            answer.text("room_id", view.id.as_str());
            if let Some(membership) = membership {
                answer.text("membership", membership.as_str());
            }
            answer.object("messages", |messages| {
                let first = page.events.first().and_then(|first| first.event.position()).unwrap_or(horizon);
                messages.text("start", &Token { position: Position(first.0 - 1) }.to_string());
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

    /// The events of a room after the token `from`, or from now on; waits for one if there are none.
    pub async fn watch(
        &self,
        reader: &User,
        room_id: &RoomId,
        from: Option<&str>,
        timeout: Option<Duration>,
    ) -> Result<String> {
        let (default, longest) = WAIT;
        let deadline = Instant::now() + timeout.unwrap_or(default).min(longest);
        let mut from = from.map(Token::parse).transpose()?.map(|token| token.position);
        loop {
            // Not the horizon, which stays behind for those who have left.
            let looked_at = self.tail.view().head();
            // Looked up each time, because whoever looks in may be shut out meanwhile.
            let (view, mut sight) = self.rooms.readable(reader, room_id).await?;
            let horizon = self.rooms.horizon(&sight);
            let start = *from.get_or_insert(horizon);
            let range = Range::Up(start, horizon);
            let page = self.page(&mut sight, &view, range, EVENTS, &EventFilter::default()).await?;
            // What was looked at and did not concern the reader need not be looked at again.
            let end = page.next.unwrap_or(horizon).max(start);
            if page.events.is_empty() && self.has_news_before(deadline, reader, view.nid, looked_at).await {
                from = Some(end);
                continue;
            }
            let Page { events, .. } = page;
            let telling = self.telling(&mut sight, reader, &events).await?;
            return Ok(json::object(|answer| {
                answer.text("start", &Token { position: start }.to_string());
                answer.text("end", &Token { position: end }.to_string());
                answer.array("chunk", &events, |out, visible| telling.write(out, visible));
            }));
        }
    }

    /// Waits until something happens in a room after `since`; false if nothing does, or the server
    /// is about to stop.
    async fn has_news_before(&self, deadline: Instant, reader: &User, room: RoomNid, since: Position) -> bool {
        let mut heads = self.tail.bus().watch();
        let parked = self.tail.bus().park(reader.nid);
        let news = async {
            loop {
                heads.borrow_and_update();
                let is_known = {
                    let tail = self.tail.view();
                    !tail.reaches(since) || tail.room_has_news(room, since)
                };
                if is_known {
                    return true;
                }
                tokio::select! {
                    changed = heads.changed() => if changed.is_err() { return false },
                    is_open = parked.woken() => if !is_open { return false },
                }
            }
        };
        tokio::time::timeout_at(deadline, news).await.unwrap_or(false)
    }
}
