//! A room in a database.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{super::Resolver, room::TestRoom};
use crate::{
    rooms::{append::event_row, events::Events, testing::TestStorage},
    storage::{
        Storage,
        log::rows::{RoomRow, Rows},
        numbers::RoomNid,
    },
};

/// The database of one room, which has the number 1.
pub(super) struct StoredRoom {
    test: TestStorage,
    written: AtomicUsize,
    events: Events,
    resolver: Resolver,
}

impl StoredRoom {
    pub(super) async fn start() -> Self {
        let test = TestStorage::start().await;
        let events = Events::new(test.storage.clone());
        let resolver = Resolver::new(test.storage.clone(), events.clone());
        Self { test, written: AtomicUsize::new(0), events, resolver }
    }

    fn storage(&self) -> &Storage {
        &self.test.storage
    }

    /// Sometimes a resolver that knows nothing yet, otherwise the one that was asked before.
    pub(super) fn resolver(&self) -> Resolver {
        if self.written.load(Ordering::Relaxed).is_multiple_of(3) {
            return Resolver::new(self.storage().clone(), Events::new(self.storage().clone()));
        }
        self.resolver.clone()
    }

    /// The resolver that was asked before, with events in memory that are not written yet.
    pub(super) fn resolver_ahead(&self, room: &TestRoom) -> Resolver {
        for event in &room.events[self.written.load(Ordering::Relaxed)..] {
            self.events.remember(event.clone());
        }
        self.resolver.clone()
    }

    /// Gives the keys of `room` the numbers that they have here.
    pub(super) async fn number(&self, room: &mut TestRoom, keys: impl Iterator<Item = (String, String)>) {
        for (kind, state_key) in keys {
            let key = self.storage().intern_state_key(&kind, &state_key).await.unwrap();
            room.keys.insert((kind, state_key), key);
        }
    }

    /// Writes the events of `room` that are not written yet.
    pub(super) async fn write_news(&self, room: &TestRoom) {
        let written = self.written.swap(room.events.len(), Ordering::Relaxed);
        let mut rows = Rows::default();
        if written == 0 {
            let version = room.version.to_string();
            rows.rooms.push(RoomRow { nid: RoomNid(1), id: room.room_id.clone(), version, created_at: 0 });
        }
        for event in &room.events[written..] {
            rows.events.push(event_row(event, room.graph.auth(event.nid).collect(), false));
        }
        self.test.write(rows).await;
    }
}
