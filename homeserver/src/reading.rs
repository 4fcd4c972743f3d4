//! Answers those who read rooms: pages of the timeline, single events, state, members.

pub mod filter;
pub mod members;
mod overseeing;
pub mod peeking;
pub mod relations;
pub mod telling;
pub mod threads;
pub mod token;

use std::{collections::BTreeSet, sync::Arc};

use ruma::{
    EventId, RoomId, UserId,
    api::{
        Direction as RequestDirection,
        client::{context::get_context, filter::RoomEventFilter, message::get_message_events},
    },
};

use self::{
    filter::{EventFilter, RelationFilter},
    token::Token,
};
use crate::{
    Error, Result,
    accounts::User,
    clock::Clock,
    event::{Event, Unsigned},
    json,
    rooms::{
        Rooms,
        snapshots::Snapshot,
        timeline::{Direction, Page, Visible},
        view::View,
        visibility::Sight,
    },
    storage::{Storage, events::Range, numbers::Position},
    tail::Tail,
};

/// Events on a page, at most.
const MAX_LIMIT: usize = 1000;

/// What surrounds an event.
#[derive(Debug)]
pub struct Around {
    /// The events just before it, newest first.
    pub before: Vec<Visible>,
    /// The events just after it, oldest first.
    pub after: Vec<Visible>,
    /// Before all of them.
    pub start: Token,
    /// After all of them.
    pub end: Token,
}

/// What people read in rooms.
#[derive(Clone, Debug)]
pub struct Reading {
    storage: Storage,
    tail: Tail,
    rooms: Rooms,
    clock: Clock,
}

impl Reading {
    /// Reads in `rooms`.
    pub fn new(storage: Storage, tail: Tail, rooms: Rooms, clock: Clock) -> Self {
        Self { storage, tail, rooms, clock }
    }

    /// A page of a room's timeline. Client-server API, "Paginating events".
    pub async fn messages(
        &self,
        reader: &User,
        request: get_message_events::v3::Request,
        relations: RelationFilter,
    ) -> Result<String> {
        let (view, sight) = self.rooms.readable(reader, &request.room_id).await?;
        self.messages_in(reader, &view, sight, request, relations).await
    }

    async fn messages_in(
        &self,
        reader: &User,
        view: &View,
        mut sight: Sight,
        request: get_message_events::v3::Request,
        relations: RelationFilter,
    ) -> Result<String> {
        let horizon = self.rooms.horizon(&sight);
        let is_backward = request.dir == RequestDirection::Backward;
        let from = match request.from.as_deref() {
            Some(token) => Token::parse(token)?.position.min(horizon),
            None if is_backward => horizon,
            None => Position(i64::MIN),
        };
        let to = request.to.as_deref().map(Token::parse).transpose()?.map(|token| token.position);
        let range = if is_backward {
            Range::Down(Position(from.0.saturating_add(1)), to.unwrap_or(Position(i64::MIN)))
        } else {
            Range::Up(from, to.unwrap_or(horizon).min(horizon))
        };
        let filter = EventFilter::new(&request.filter).with_relations(relations);
        let page = self.page(&mut sight, view, range, limit(request.limit.into()).max(1), &filter).await?;
        let state = self.members_of(&page.events, &request.filter).await?;
        let telling = self.telling(&mut sight, reader, &page.events).await?;
        // That there is nothing more is told by leaving it out, but only once nothing was found any more: clients
        // and test suites expect it with every event, and going forward there may be more later.
        let last = page.events.last().and_then(|last| last.event.position());
        Ok(json::object(|answer| {
            answer.text("start", &request.from.unwrap_or_else(|| Token { position: from }.to_string()));
            if let Some(next) = page.next.or(last) {
                let position = if is_backward { Position(next.0 - 1) } else { next };
                answer.text("end", &Token { position }.to_string());
            }
            answer.array("chunk", &page.events, |out, visible| telling.write(out, visible));
            if !state.is_empty() {
                answer.array("state", &state, |out, event| write_state_event(out, event));
            }
        }))
    }

    async fn page(
        &self,
        sight: &mut Sight,
        view: &View,
        range: Range,
        limit: usize,
        filter: &EventFilter,
    ) -> Result<Page> {
        if !filter.passes_room(&view.id) {
            return Ok(Page { events: Vec::new(), next: None });
        }
        if filter.related_by().is_some() {
            return self.parents(sight, view, range, limit, filter).await;
        }
        let keep = |event: &Event| filter.passes(event);
        match range {
            Range::Down(from, until) => {
                self.rooms.page(sight, view.nid, Direction::Backward, from, Some(until), limit, keep).await
            }
            Range::Up(from, until) => {
                self.rooms.page(sight, view.nid, Direction::Forward, from, Some(until), limit, keep).await
            }
        }
    }

    /// A page of the events to which others relate as the filter wants.
    async fn parents(
        &self,
        sight: &mut Sight,
        view: &View,
        range: Range,
        limit: usize,
        filter: &EventFilter,
    ) -> Result<Page> {
        let (rel_types, senders) = filter.related_by().unwrap_or_default();
        let mut events = self.rooms.parents_page(view.nid, rel_types, &senders, range, limit + 1).await?;
        let has_more = events.len() > limit;
        events.truncate(limit);
        let next = events.last().and_then(|last| last.position()).filter(|_| has_more);
        events.retain(|event| filter.passes(event));
        Ok(Page { events: self.visible(sight, events).await?, next })
    }

    /// Those of `events` that the reader may see and is not spared.
    async fn visible(&self, sight: &mut Sight, events: Vec<Arc<Event>>) -> Result<Vec<Visible>> {
        let mut visible = Vec::with_capacity(events.len());
        sight.look_ahead(&events).await?;
        for event in events {
            let seen = sight.see(&event).await?;
            if seen.is_visible && !sight.spares(&event) {
                visible.push(sight.shown(event, seen).await?);
            }
        }
        Ok(visible)
    }

    /// An event with what surrounds it.
    pub async fn context(&self, reader: &User, request: get_context::v3::Request) -> Result<String> {
        self.rooms.readable(reader, &request.room_id).await?;
        let (visible, view, sight) = self.rooms.visible_event(reader, &request.room_id, &request.event_id).await?;
        self.context_in(reader, &view, sight, visible, request).await
    }

    async fn context_in(
        &self,
        reader: &User,
        view: &View,
        mut sight: Sight,
        visible: Visible,
        request: get_context::v3::Request,
    ) -> Result<String> {
        let limit = limit(request.limit.into());
        let filter = EventFilter::new(&request.filter);
        let around = self.around(&mut sight, view, &visible, (limit.div_ceil(2), limit / 2), &filter).await?;
        let last = around.after.last().unwrap_or(&visible);
        let state = self.rooms.state_after(&last.event).await?.unwrap_or_else(|| view.snapshot.clone());
        let all: Vec<&Visible> = around.before.iter().chain([&visible]).chain(&around.after).collect();
        let state = self.context_state(&state, &all, &request.filter).await?;
        let telling = self.telling(&mut sight, reader, all).await?;
        Ok(json::object(|answer| {
            answer.text("start", &around.start.to_string());
            answer.text("end", &around.end.to_string());
            answer.raw("event", &telling.text(&visible));
            answer.array("events_before", &around.before, |out, visible| telling.write(out, visible));
            answer.array("events_after", &around.after, |out, visible| telling.write(out, visible));
            answer.array("state", &state, |out, event| write_state_event(out, event));
        }))
    }

    /// What surrounds an event: so many events before and after it, nearest first.
    pub async fn around(
        &self,
        sight: &mut Sight,
        view: &View,
        visible: &Visible,
        (before, after): (usize, usize),
        filter: &EventFilter,
    ) -> Result<Around> {
        let at = visible.event.position().unwrap_or(Position::ZERO);
        let horizon = self.rooms.horizon(sight);
        let before = self.page(sight, view, Range::Down(at, Position(i64::MIN)), before, filter).await?.events;
        let after = self.page(sight, view, Range::Up(at, horizon), after, filter).await?.events;
        let first = before.last().and_then(|visible| visible.event.position()).unwrap_or(at);
        let last = after.last().and_then(|visible| visible.event.position()).unwrap_or(at);
        let (start, end) = (Token { position: Position(first.0 - 1) }, Token { position: last });
        Ok(Around { before, after, start, end })
    }

    /// One event.
    pub async fn event(&self, reader: &User, room_id: &RoomId, id: &EventId) -> Result<String> {
        let (visible, _, mut sight) = self.rooms.visible_event(reader, room_id, id).await?;
        Ok(self.telling(&mut sight, reader, [&visible]).await?.text(&visible))
    }

    /// The same, whatever room it is in.
    pub async fn event_of_any_room(&self, reader: &User, id: &EventId) -> Result<String> {
        let found = self.rooms.events().find(id).await?;
        let event = found.ok_or_else(|| Error::not_found("There is no such event, or you may not see it."))?;
        let view = self.rooms.load(event.room_nid).await?;
        self.event(reader, &view.id, id).await
    }

    /// The whole state of a room as its reader may know it: now, or when they left.
    pub async fn state(&self, reader: &User, room_id: &RoomId) -> Result<String> {
        let (_, _, state) = self.known_state(reader, room_id).await?;
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
        let (_, _, state) = self.known_state(reader, room_id).await?;
        let event = self.rooms.state_event_in(&state, kind, state_key).await?;
        let event = event.ok_or_else(|| Error::not_found("The room has no such state."))?;
        if !is_whole {
            return Ok(event.content().get().to_owned());
        }
        let mut out = String::new();
        write_state_event(&mut out, &event);
        Ok(out)
    }

    /// The room and the state that `reader` may know: now, or when they left.
    async fn known_state(&self, reader: &User, room_id: &RoomId) -> Result<(Arc<View>, Sight, Snapshot)> {
        let (view, sight) = self.rooms.readable(reader, room_id).await?;
        let leaving = sight.leaving().filter(|_| !self.rooms.may_read_on(&view, reader.nid));
        let state = match leaving {
            None => view.snapshot.clone(),
            Some(leaving) => {
                let state = self.rooms.state_after(leaving).await?;
                state.ok_or_else(|| Error::forbidden("You are not in this room."))?
            }
        };
        Ok((view, sight, state))
    }

    /// The membership events of the senders of a page, if the filter asks for lazy loading: as they were
    /// at its newest event, when all of them had come.
    async fn members_of(&self, page: &[Visible], filter: &RoomEventFilter) -> Result<Vec<Arc<Event>>> {
        if filter.lazy_load_options.is_disabled() {
            return Ok(Vec::new());
        }
        let newest = page.iter().max_by_key(|visible| visible.event.position());
        let Some(state) = newest.and_then(|visible| visible.event.snapshot) else { return Ok(Vec::new()) };
        let state = self.rooms.snapshots().load(state).await?;
        let senders: BTreeSet<&UserId> = page.iter().map(|visible| visible.event.sender()).collect();
        self.rooms.member_events_of(&state, senders).await
    }

    async fn context_state(
        &self,
        state: &Snapshot,
        around: &[&Visible],
        filter: &RoomEventFilter,
    ) -> Result<Vec<Arc<Event>>> {
        let is_lazy = !filter.lazy_load_options.is_disabled();
        let senders: BTreeSet<&str> = around.iter().map(|visible| visible.event.sender().as_str()).collect();
        let wanted = |kind: &str, key: &str| !is_lazy || kind != "m.room.member" || senders.contains(key);
        let mut events = self.rooms.state_events_where(state, wanted).await?;
        let filter = EventFilter::new(filter);
        events.retain(|event| filter.passes(event));
        Ok(events)
    }
}

/// So many events as a request asks for, within reason.
fn limit(asked: u64) -> usize {
    usize::try_from(asked).unwrap_or(MAX_LIMIT).min(MAX_LIMIT)
}

/// Appends a state event outside a timeline.
pub fn write_state_event(out: &mut String, event: &Event) {
    event.client_form().write(out, event, Unsigned::default(), true);
}
