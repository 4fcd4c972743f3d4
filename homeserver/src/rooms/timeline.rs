//! Reads timelines: pages, single events, what surrounds an event, the event at a time.

use std::sync::Arc;

use ruma::{EventId, RoomId, events::TimelineEventType};

use super::{Rooms, view::View, visibility::Sight};
use crate::{
    Error, Result,
    accounts::User,
    event::{Event, Unsigned},
    storage::{
        events::{self, Range},
        numbers::{Position, RoomNid, StateKeyNid},
        rooms::{self, Membership},
    },
    tail::{Entry, Fact},
};

/// Events read from the database at a time while a filter leaves few of them.
const CHUNK: usize = 200;
/// Most events that are looked at for one page, so that a filter that matches nothing ends.
const LOOKED_AT: usize = 5_000;

/// An event with what its reader was in the room then.
#[derive(Clone, Debug)]
pub struct Visible {
    /// The event.
    pub event: Arc<Event>,
    /// The reader's membership at the event.
    pub membership: Membership,
}

/// A part of a timeline.
#[derive(Clone, Debug)]
pub struct Page {
    /// The events that the reader may see and the filter lets pass, in the order of reading.
    pub events: Vec<Visible>,
    /// From where to read on; none at the end.
    pub next: Option<Position>,
}

/// Which way to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Towards older events.
    Backward,
    /// Towards newer events.
    Forward,
}

impl Visible {
    /// Appends the event as its reader sees it to `out`; `is_sender` if the reading device sent it.
    pub fn write(&self, out: &mut String, now_ms: i64, reader: &User, relations: Option<&str>, with_room: bool) {
        let unsigned = self.unsigned(now_ms, reader, relations);
        self.event.client_form().write(out, &self.event, unsigned, with_room);
    }

    /// The same in the form that servers exchange.
    pub fn write_pdu(&self, out: &mut String, now_ms: i64, reader: &User, relations: Option<&str>) {
        self.event.client_form().write_pdu(out, &self.event, self.unsigned(now_ms, reader, relations));
    }

    fn unsigned<'a>(&self, now_ms: i64, reader: &User, relations: Option<&'a str>) -> Unsigned<'a> {
        let sent_at: i64 = self.event.pdu.origin_server_ts.0.into();
        Unsigned {
            age_ms: Some((now_ms - sent_at).max(0)),
            is_sender: is_sender(&self.event, reader),
            membership: Some(self.membership.as_str()),
            relations,
        }
    }
}

/// Whether the reader's device sent the event.
pub fn is_sender(event: &Event, reader: &User) -> bool {
    event.sender_nid == reader.nid
        && event
            .transaction
            .as_ref()
            .is_some_and(|transaction| Some(&transaction.device_id) == reader.device_id.as_ref())
}

impl Rooms {
    /// The room, for somebody who may read at least part of it; everybody else is refused.
    pub async fn readable(&self, reader: &User, id: &RoomId) -> Result<(Arc<View>, Sight)> {
        let refused = || Error::forbidden("You may not see this room.");
        let view = self.find(id).await?.ok_or_else(refused)?;
        let sight = self.sight(&view, reader.nid).await?;
        if sight.has_been_in() || self.may_read_on(&view, reader.nid) { Ok((view, sight)) } else { Err(refused()) }
    }

    /// Up to where somebody may read: up to now, or until they left.
    pub fn horizon(&self, sight: &Sight) -> Position {
        let head = self.tail.view().head();
        sight.end().map_or(head, |end| end.min(head))
    }

    /// Reads up to `limit` events from `from` (exclusive), as far as `until` (excluded going back,
    /// included going forward), that the reader may see and `keep` lets pass.
    #[expect(clippy::too_many_arguments, reason = "the reader, the range and the filter are all needed")]
    pub async fn page(
        &self,
        sight: &mut Sight,
        room: RoomNid,
        direction: Direction,
        from: Position,
        until: Option<Position>,
        limit: usize,
        keep: impl Fn(&Event) -> bool,
    ) -> Result<Page> {
        let mut page = Page { events: Vec::with_capacity(limit.min(CHUNK)), next: None };
        let mut at = from;
        let mut looked_at = 0;
        // Where the page ends once it is full, and how many events were looked at since.
        let (mut end, mut beyond) = (from, 0);
        loop {
            let range = match direction {
                Direction::Backward => Range::Down(at, until.unwrap_or(Position(i64::MIN))),
                Direction::Forward => Range::Up(at, until.unwrap_or(Position(i64::MAX))),
            };
            // One more than wanted tells whether there is more, if the filter lets it pass.
            let wanted = match limit - page.events.len() {
                0 if beyond > 0 => CHUNK,
                left => left.saturating_add(1).min(CHUNK),
            };
            let events = self.stored_page(room, range, wanted).await?;
            let is_end = events.len() < wanted;
            sight.look_ahead(&events).await?;
            for event in events {
                let is_full = page.events.len() == limit;
                if beyond == CHUNK || looked_at == LOOKED_AT {
                    page.next = Some(if is_full { end } else { at });
                    return Ok(page);
                }
                looked_at += 1;
                beyond += usize::from(is_full);
                at = event.position().unwrap_or(at);
                if !keep(&event) || sight.spares(&event) {
                    continue;
                }
                let seen = sight.see(&event).await?;
                if seen.is_visible && is_full {
                    page.next = Some(end);
                    return Ok(page);
                }
                if seen.is_visible {
                    page.events.push(sight.shown(event, seen).await?);
                    end = at;
                }
            }
            if is_end {
                return Ok(page);
            }
        }
    }

    /// A page of the timeline without regard to any reader; from memory, if it is recent.
    pub async fn stored_page(&self, room: RoomNid, range: Range, limit: usize) -> Result<Vec<Arc<Event>>> {
        if let Some(events) = self.recent_page(room, range, limit) {
            return Ok(events);
        }
        let stored = events::page(&mut *self.storage.conn().await?, room, range, limit).await?;
        stored.into_iter().map(|stored| self.events.admit(stored)).collect()
    }

    /// The same, if the tail has all of it.
    fn recent_page(&self, room: RoomNid, range: Range, limit: usize) -> Option<Vec<Arc<Event>>> {
        let event = |entry: &Entry| match &entry.fact {
            Fact::Event(event) => Some(event.clone()),
            _ => None,
        };
        let tail = self.tail.view();
        match range {
            Range::Down(below, above) => {
                let entries = tail.room_between(room, above.max(tail.start()), below);
                let events: Vec<_> = entries.rev().filter_map(event).take(limit).collect();
                // Nothing comes before the creation of a room.
                let is_whole = events.last().is_some_and(|event| *event.kind() == TimelineEventType::RoomCreate);
                (events.len() == limit || tail.reaches(above) || is_whole).then_some(events)
            }
            Range::Up(above, to) if tail.reaches(above) => {
                let entries = tail.room_between(room, above, Position(to.0.saturating_add(1)));
                Some(entries.filter_map(event).take(limit).collect())
            }
            Range::Up(..) => None,
        }
    }

    /// An event of the room that the reader may see.
    pub async fn visible_event(
        &self,
        reader: &User,
        room_id: &RoomId,
        id: &EventId,
    ) -> Result<(Visible, Arc<View>, Sight)> {
        let unknown = || Error::not_found("There is no such event, or you may not see it.");
        let view = self.find(room_id).await?.ok_or_else(unknown)?;
        let event = self.events.find(id).await?.filter(|event| event.room_nid == view.nid).ok_or_else(unknown)?;
        if event.position().is_none() {
            return Err(unknown());
        }
        let mut sight = self.sight(&view, reader.nid).await?;
        let seen = sight.see(&event).await?;
        if !seen.is_visible {
            return Err(unknown());
        }
        Ok((sight.shown(event, seen).await?, view, sight))
    }

    /// The event nearest to a time, in the given direction.
    pub async fn event_at(
        &self,
        reader: &User,
        room_id: &RoomId,
        ts_ms: i64,
        direction: Direction,
    ) -> Result<Arc<Event>> {
        let (view, sight) = self.readable(reader, room_id).await?;
        self.event_at_in(&view, sight, ts_ms, direction).await
    }

    /// The same for somebody who sees this of the room.
    pub async fn event_at_in(
        &self,
        view: &View,
        mut sight: Sight,
        ts_ms: i64,
        direction: Direction,
    ) -> Result<Arc<Event>> {
        let is_forward = direction == Direction::Forward;
        for limit in [CHUNK, LOOKED_AT] {
            let mut conn = self.storage.conn().await?;
            let candidates = events::nearest(&mut conn, view.nid, ts_ms, is_forward, limit).await?;
            drop(conn);
            let is_all = candidates.len() < limit;
            for stored in candidates {
                let event = self.events.admit(stored)?;
                if sight.see(&event).await?.is_visible {
                    return Ok(event);
                }
            }
            if is_all {
                break;
            }
        }
        Err(Error::not_found("There is no event at that time."))
    }

    /// Forgets a room that the user has left.
    pub async fn forget(&self, user: &User, room_id: &RoomId) -> Result<()> {
        let Some(room) = self.find_nid(room_id).await? else {
            return Err(Error::not_found("There is no such room."));
        };
        let mut conn = self.storage.conn().await?;
        let member = rooms::find_member(&mut conn, room, user.nid).await?;
        match member.map(|member| member.membership) {
            Some(Membership::Leave | Membership::Ban) => {
                // They may have been invited again in this moment.
                if rooms::forget(&mut conn, room, user.nid).await? {
                    self.residents.forget(user.nid, room);
                }
                Ok(())
            }
            Some(_) => Err(Error::unknown("You are still in this room. Leave it first.")),
            None => Err(Error::unknown("You were never in this room.")),
        }
    }
}

impl Rooms {
    /// The events that stood at a state key and came after `since`, up to `until`, oldest first.
    pub async fn state_events_between(
        &self,
        room: RoomNid,
        key: StateKeyNid,
        since: Position,
        until: Position,
    ) -> Result<Vec<Arc<Event>>> {
        let stored = events::between(&mut *self.storage.conn().await?, room, Some(key), since, until).await?;
        stored.into_iter().map(|stored| self.events.admit(stored)).collect()
    }

    /// The membership events that came after `since`, up to `until`, oldest first.
    pub async fn member_changes_between(
        &self,
        room: RoomNid,
        since: Position,
        until: Position,
    ) -> Result<Vec<Arc<Event>>> {
        let stored = events::between(&mut *self.storage.conn().await?, room, None, since, until).await?;
        stored.into_iter().map(|stored| self.events.admit(stored)).collect()
    }
}
