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
    resolver: Resolver,
}

impl StoredRoom {
    pub(super) async fn start() -> Self {
        let test = TestStorage::start().await;
        let resolver = resolver(&test.storage);
        Self { test, written: AtomicUsize::new(0), resolver }
    }

    pub(super) fn storage(&self) -> &Storage {
        &self.test.storage
    }

    /// Sometimes a resolver that knows nothing yet, otherwise the one that was asked before.
    pub(super) fn resolver(&self) -> Resolver {
        let is_fresh = self.written.load(Ordering::Relaxed).is_multiple_of(3);
        if is_fresh { resolver(self.storage()) } else { self.resolver.clone() }
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

fn resolver(storage: &Storage) -> Resolver {
    Resolver::new(storage.clone(), Events::new(storage.clone()))
}
