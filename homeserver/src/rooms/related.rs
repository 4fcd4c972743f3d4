//! Finds events by how they are related: those that relate to one event, directly or not, the threads of
//! a room, and the events that others relate to. Without regard to any reader.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use ruma::{EventId, OwnedEventId, OwnedUserId, UserId};

use super::{Rooms, redaction, view::View};
use crate::{
    Result,
    event::Event,
    storage::{
        events::Range,
        numbers::{EventNid, Position, RoomNid, UserNid},
        relations::pages::{self, Threads, Which},
    },
};

/// So many steps are gone from an event to those that relate to it indirectly. Client-server API,
/// "Relationships API".
pub const DEPTH: u32 = 3;
/// Events that relate to one indirectly, at most: what is beyond is not found.
const DESCENDANTS: usize = 10_000;

impl Rooms {
    /// A page of the events that relate to `parent`.
    pub async fn children_page(
        &self,
        room: RoomNid,
        parent: &EventId,
        which: Which<'_>,
        range: Range,
        limit: usize,
    ) -> Result<Vec<Arc<Event>>> {
        let mut conn = self.storage.conn().await?;
        let rows = pages::page(&mut conn, room, parent, which, range, limit).await?;
        drop(conn);
        self.load_page(rows).await
    }

    /// A page of the events that relate to `ancestor`, or to an event that does, and so on; each step by
    /// a relation that is meant.
    pub async fn descendants_page(
        &self,
        room: RoomNid,
        ancestor: &EventId,
        which: Which<'_>,
        range: Range,
        limit: usize,
    ) -> Result<Vec<Arc<Event>>> {
        let mut conn = self.storage.conn().await?;
        let mut found: BTreeMap<Position, EventNid> = BTreeMap::new();
        let mut known: HashSet<OwnedEventId> = HashSet::from([ancestor.to_owned()]);
        let mut generation = vec![ancestor.to_owned()];
        for _ in 0..DEPTH {
            let children = pages::children(&mut conn, room, &generation, which).await?;
            generation.clear();
            for (id, nid, position) in children {
                if known.len() <= DESCENDANTS && known.insert(id.clone()) {
                    found.insert(position, nid);
                    generation.push(id);
                }
            }
            if generation.is_empty() {
                break;
            }
        }
        drop(conn);
        let number = |(position, nid): (&Position, &EventNid)| (*nid, *position);
        let rows = match range {
            Range::Down(below, above) => {
                let within = found.iter().rev().filter(|(position, _)| **position < below && **position > above);
                within.map(number).take(limit).collect()
            }
            Range::Up(above, to) => {
                let within = found.iter().filter(|(position, _)| **position > above && **position <= to);
                within.map(number).take(limit).collect()
            }
        };
        self.load_page(rows).await
    }

    /// A page of the room's threads whose newest event comes before a position: their roots as far as
    /// they are known, and the newest events' positions. Nothing is known of what comes after `until`.
    pub async fn threads_page(
        &self,
        room: RoomNid,
        before: Position,
        until: Position,
        participant: Option<UserNid>,
        ignored: &HashSet<OwnedUserId>,
        limit: usize,
    ) -> Result<Vec<(Option<Arc<Event>>, Position)>> {
        let ignored: Vec<&UserId> = ignored.iter().map(|user| &**user).collect();
        let ignored = self.storage.find_user_nids(&ignored).await?;
        let threads = Threads { before, until, participant, ignored: &ignored, limit };
        let rows = pages::threads(&mut *self.storage.conn().await?, room, threads).await?;
        let (roots, positions): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let roots = self.events.find_many(&roots).await?;
        let of_room = |root: Option<Arc<Event>>| root.filter(|root| root.room_nid == room);
        Ok(roots.into_iter().map(of_room).zip(positions).collect())
    }

    /// A page of the events of a room's timeline that others relate to, by one of `rel_types` (any, if
    /// empty) and from one of `senders` (anybody, if empty).
    pub async fn parents_page(
        &self,
        room: RoomNid,
        rel_types: &[String],
        senders: &[&UserId],
        range: Range,
        limit: usize,
    ) -> Result<Vec<Arc<Event>>> {
        let nids = self.storage.find_user_nids(senders).await?;
        if nids.is_empty() && !senders.is_empty() {
            return Ok(Vec::new());
        }
        let rows = pages::related(&mut *self.storage.conn().await?, room, rel_types, &nids, range, limit).await?;
        self.load_page(rows).await
    }

    /// `event` as somebody sees it who ignores its sender, but cannot do without it.
    pub fn without_content(&self, view: &View, event: &Event) -> Result<Arc<Event>> {
        Ok(Arc::new(redaction::without_content(event, &view.rules)?))
    }

    async fn load_page(&self, rows: Vec<(EventNid, Position)>) -> Result<Vec<Arc<Event>>> {
        let nids: Vec<EventNid> = rows.into_iter().map(|(nid, _)| nid).collect();
        self.events.load_many(&nids).await
    }
}
