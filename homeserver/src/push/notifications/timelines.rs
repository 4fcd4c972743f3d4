//! Reads the timelines of all rooms that somebody is in as if they were one, newest event first.

use std::{collections::BinaryHeap, sync::Arc, vec};

use crate::{
    Result,
    event::Event,
    rooms::{Rooms, view::View},
    storage::{
        events::Range,
        numbers::{Position, RoomNid, UserNid},
        rooms::Membership,
    },
};

/// Events of a room that are read at a time.
const PAGE: usize = 20;

/// The timelines of several rooms.
#[derive(Debug)]
pub struct Timelines<'a> {
    rooms: &'a Rooms,
    /// The room whose next event is the newest comes first.
    open: BinaryHeap<Timeline>,
}

/// The rest of one timeline, with the newest event that was not read yet.
#[derive(Debug)]
struct Timeline {
    position: Position,
    room: RoomNid,
    event: Arc<Event>,
    more: vec::IntoIter<Arc<Event>>,
}

impl PartialEq for Timeline {
    fn eq(&self, other: &Self) -> bool {
        self.position == other.position
    }
}

impl Eq for Timeline {}

impl PartialOrd for Timeline {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timeline {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.position.cmp(&other.position)
    }
}

impl<'a> Timelines<'a> {
    /// The rooms that `reader` is in, with what was said there before `below`. What was fetched later
    /// than it was said notified nobody, and is left out.
    pub async fn open(rooms: &'a Rooms, reader: UserNid, below: Position) -> Result<Self> {
        let mut timelines = Self { rooms, open: BinaryHeap::new() };
        for (room, residence) in rooms.residents().load(reader).await? {
            if residence.membership == Membership::Join {
                timelines.read(room, below).await?;
            }
        }
        Ok(timelines)
    }

    /// The next event, its room and where it stands.
    pub async fn next(&mut self) -> Result<Option<(Arc<View>, Arc<Event>, Position)>> {
        let Some(Timeline { position, room, event, more }) = self.open.pop() else { return Ok(None) };
        if !self.push(room, more) {
            self.read(room, position).await?;
        }
        Ok(Some((self.rooms.load(room).await?, event, position)))
    }

    async fn read(&mut self, room: RoomNid, below: Position) -> Result<()> {
        let page = self.rooms.stored_page(room, Range::Down(below, Position::ZERO), PAGE).await?;
        self.push(room, page.into_iter());
        Ok(())
    }

    /// Returns whether there was anything in `more`.
    fn push(&mut self, room: RoomNid, mut more: vec::IntoIter<Arc<Event>>) -> bool {
        let next = more.find_map(|event| event.position().map(|position| (event, position)));
        let Some((event, position)) = next else { return false };
        self.open.push(Timeline { position, room, event, more });
        true
    }
}
