//! Answers those who read rooms: pages of the timeline, single events, state, members.

pub mod filter;
pub mod members;
pub mod token;

use std::{collections::BTreeSet, sync::Arc};

use ruma::{
    EventId, OwnedUserId, RoomId,
    api::{
        Direction as RequestDirection,
        client::{context::get_context, filter::RoomEventFilter, message::get_message_events},
    },
};

use self::{filter::EventFilter, token::Token};
use crate::{
    Error, Result,
    accounts::User,
    clock::Clock,
    event::{Event, Unsigned},
    json,
    rooms::{
        Rooms,
        snapshots::Snapshot,
        timeline::{Direction, Visible},
        view::View,
    },
    storage::numbers::Position,
};

/// Events on a page, at most.
const MAX_LIMIT: usize = 1000;

/// What people read in rooms.
#[derive(Clone, Debug)]
pub struct Reading {
    rooms: Rooms,
    clock: Clock,
}

impl Reading {
    /// Reads in `rooms`.
    pub fn new(rooms: Rooms, clock: Clock) -> Self {
        Self { rooms, clock }
    }

    /// A page of a room's timeline. Client-server API, "Paginating events".
    pub async fn messages(&self, reader: &User, request: get_message_events::v3::Request) -> Result<String> {
        let (view, mut sight) = self.rooms.readable(reader, &request.room_id).await?;
        let direction = match request.dir {
            RequestDirection::Backward => Direction::Backward,
            RequestDirection::Forward => Direction::Forward,
        };
        let horizon = self.rooms.horizon(&view, &sight, reader);
        let from = match request.from.as_deref() {
            Some(token) => Token::parse(token)?.position.min(horizon),
            None if direction == Direction::Backward => horizon,
            None => Position(i64::MIN),
        };
        let to = request.to.as_deref().map(Token::parse).transpose()?.map(|token| token.position);
        let until = match direction {
            Direction::Backward => to,
            Direction::Forward => Some(to.unwrap_or(horizon).min(horizon)),
        };
        let start = if direction == Direction::Backward { Position(from.0.saturating_add(1)) } else { from };
        let filter = EventFilter::new(&request.filter);
        let limit = limit(request.limit.into());
        let keep = |event: &Event| filter.passes(event);
        let page = self.rooms.page(&mut sight, view.nid, direction, start, until, limit, keep).await?;
        let state = self.members_of(&page.events, &request.filter).await?;
        let now_ms = self.clock.now_ms();
        Ok(json::object(|answer| {
            let said = Token { position: from.min(Position(i64::MAX - 2)) };
            answer.text("start", &request.from.unwrap_or_else(|| said.to_string()));
            if let Some(next) = page.next {
                let position = if direction == Direction::Backward { Position(next.0 - 1) } else { next };
                answer.text("end", &Token { position }.to_string());
            }
            answer.array("chunk", &page.events, |out, visible| visible.write(out, now_ms, reader, None, true));
            if !state.is_empty() {
                answer.array("state", &state, |out, event| write_state_event(out, event));
            }
        }))
    }

    /// An event with what surrounds it.
    pub async fn context(&self, reader: &User, request: get_context::v3::Request) -> Result<String> {
        let (visible, view, mut sight) = self.rooms.visible_event(reader, &request.room_id, &request.event_id).await?;
        let at = visible.event.position().unwrap_or(Position::ZERO);
        let limit = limit(request.limit.into());
        let filter = EventFilter::new(&request.filter);
        let keep = |event: &Event| filter.passes(event);
        let horizon = self.rooms.horizon(&view, &sight, reader);
        let before_limit = limit / 2 + limit % 2;
        let before = self.rooms.page(&mut sight, view.nid, Direction::Backward, at, None, before_limit, keep).await?;
        let after =
            self.rooms.page(&mut sight, view.nid, Direction::Forward, at, Some(horizon), limit / 2, keep).await?;
        let last = after.events.last().unwrap_or(&visible);
        let state = self.rooms.state_after(&last.event).await?.unwrap_or_else(|| view.snapshot.clone());
        let around: Vec<Visible> = before.events.iter().chain([&visible]).chain(&after.events).cloned().collect();
        let state = self.context_state(&state, &around, &request.filter).await?;
        let first_position = before.events.last().and_then(|visible| visible.event.position()).unwrap_or(at);
        let last_position = last.event.position().unwrap_or(at);
        let now_ms = self.clock.now_ms();
        Ok(json::object(|answer| {
            answer.text("start", &Token { position: Position(first_position.0 - 1) }.to_string());
            answer.text("end", &Token { position: last_position }.to_string());
            answer.raw("event", &written(&visible, now_ms, reader));
            answer
                .array("events_before", &before.events, |out, visible| visible.write(out, now_ms, reader, None, true));
            answer.array("events_after", &after.events, |out, visible| visible.write(out, now_ms, reader, None, true));
            answer.array("state", &state, |out, event| write_state_event(out, event));
        }))
    }

    /// One event.
    pub async fn event(&self, reader: &User, room_id: &RoomId, id: &EventId) -> Result<String> {
        let (visible, _, _) = self.rooms.visible_event(reader, room_id, id).await?;
        Ok(written(&visible, self.clock.now_ms(), reader))
    }

    /// The whole state of a room as its reader may know it: now, or when they left.
    pub async fn state(&self, reader: &User, room_id: &RoomId) -> Result<String> {
        let (_, state) = self.known_state(reader, room_id).await?;
        let events = self.rooms.state_events(&state).await?;
        let mut out = String::with_capacity(events.len() * 400);
        json::write_array(&mut out, &events, |out, event| write_state_event(out, event));
        Ok(out)
    }

    /// One state event: its content, or all of it if `is_whole`.
    pub async fn state_event(
        &self,
        reader: &User,
        room_id: &RoomId,
        kind: &str,
        state_key: &str,
        is_whole: bool,
    ) -> Result<String> {
        let (_, state) = self.known_state(reader, room_id).await?;
        let event = self.rooms.state_event_in(&state, kind, state_key).await?;
        let event = event.ok_or_else(|| Error::not_found("The room has no such state."))?;
        if !is_whole {
            return Ok(event.content().get().to_owned());
        }
        let mut out = String::new();
        write_state_event(&mut out, &event);
        Ok(out)
    }

    /// The room and the state that `reader` may know.
    async fn known_state(&self, reader: &User, room_id: &RoomId) -> Result<(Arc<View>, Snapshot)> {
        let (view, sight) = self.rooms.readable(reader, room_id).await?;
        if self.rooms.may_read_on(&view, reader.nid) {
            let state = view.snapshot.clone();
            return Ok((view, state));
        }
        let left = sight.residence().ok_or_else(|| Error::forbidden("You are not in this room."))?.event;
        let left = self.rooms.events().load(left).await?;
        let state = self.rooms.state_after(&left).await?;
        let state = state.ok_or_else(|| Error::forbidden("You are not in this room."))?;
        Ok((view, state))
    }

    /// The membership events of the senders of a page, if the filter asks for lazy loading.
    async fn members_of(&self, page: &[Visible], filter: &RoomEventFilter) -> Result<Vec<Arc<Event>>> {
        if filter.lazy_load_options.is_disabled() {
            return Ok(Vec::new());
        }
        let Some(state) = page.iter().filter_map(|visible| visible.event.snapshot).next_back() else {
            return Ok(Vec::new());
        };
        let state = self.rooms.snapshots().load(state).await?;
        self.members_in(&state, page).await
    }

    async fn members_in(&self, state: &Snapshot, page: &[Visible]) -> Result<Vec<Arc<Event>>> {
        let senders: BTreeSet<OwnedUserId> = page.iter().map(|visible| visible.event.sender().to_owned()).collect();
        let mut members = Vec::with_capacity(senders.len());
        for sender in senders {
            members.extend(self.rooms.state_event_in(state, "m.room.member", sender.as_str()).await?);
        }
        Ok(members)
    }

    async fn context_state(
        &self,
        state: &Snapshot,
        around: &[Visible],
        filter: &RoomEventFilter,
    ) -> Result<Vec<Arc<Event>>> {
        if filter.lazy_load_options.is_disabled() {
            return self.rooms.state_events(state).await;
        }
        let mut events = self.rooms.state_events(state).await?;
        let senders: BTreeSet<&str> = around.iter().map(|visible| visible.event.sender().as_str()).collect();
        events.retain(|event| {
            event.kind().to_string() != "m.room.member" || event.state_key().is_some_and(|key| senders.contains(key))
        });
        Ok(events)
    }
}

fn limit(asked: u64) -> usize {
    usize::try_from(asked).unwrap_or(MAX_LIMIT).clamp(1, MAX_LIMIT)
}

fn written(visible: &Visible, now_ms: i64, reader: &User) -> String {
    let mut out = String::new();
    visible.write(&mut out, now_ms, reader, None, true);
    out
}

/// Appends a state event outside a timeline.
pub fn write_state_event(out: &mut String, event: &Event) {
    event.client_form().write(out, event, Unsigned::default(), true);
}
