//! Stores unread counts now and then, so that after a restart nobody counts a long history again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use quick_cache::sync::Cache;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::tally::Tally;
use crate::{
    Result,
    storage::{
        Storage,
        numbers::{Position, RoomNid, UserNid},
        unread::{self, UnreadRow},
    },
    tasks::Tasks,
};

/// How often counts are stored.
const INTERVAL: Duration = Duration::from_secs(10);

/// Whose count of which room.
pub type Key = (UserNid, RoomNid);
/// The counts in memory.
pub type Tallies = Cache<Key, Arc<tokio::sync::Mutex<Tally>>>;

/// Counts that are to be stored; clones share them.
#[derive(Clone, Debug)]
pub struct Unsaved {
    storage: Storage,
    tallies: Arc<Tallies>,
    rows: Arc<Mutex<HashMap<Key, (Position, String)>>>,
}

impl Unsaved {
    /// Starts the task that stores them, and when the server stops, all others of `tallies` that
    /// have changed.
    pub fn start(storage: Storage, tallies: Arc<Tallies>, tasks: &Tasks) -> Self {
        let unsaved = Self { storage, tallies, rows: Arc::default() };
        let task = unsaved.clone();
        tasks.start("unread counts", move |stop| {
            let unsaved = task.clone();
            async move { unsaved.run(stop).await }
        });
        unsaved
    }

    /// Notes the stored form of a count.
    pub fn note(&self, key: Key, saved: (Position, String)) {
        self.lock().insert(key, saved);
    }

    async fn run(&self, stop: CancellationToken) {
        loop {
            let is_stopping = tokio::select! {
                () = tokio::time::sleep(INTERVAL) => false,
                () = stop.cancelled() => true,
            };
            if is_stopping {
                self.note_all();
            }
            if let Err(error) = self.save().await {
                // They are only counted again.
                warn!(%error, "Unread counts could not be stored");
            }
            if is_stopping {
                return;
            }
        }
    }

    fn note_all(&self) {
        for (key, tally) in self.tallies.iter() {
            if let Ok(mut tally) = tally.try_lock()
                && tally.is_unsaved()
            {
                self.note(key, tally.save());
            }
        }
    }

    async fn save(&self) -> Result<()> {
        let rows = std::mem::take(&mut *self.lock());
        if rows.is_empty() {
            return Ok(());
        }
        let row = |((user, room), (position, content))| UnreadRow { user, room, position, content };
        let rows: Vec<UnreadRow> = rows.into_iter().map(row).collect();
        unread::save(&mut *self.storage.conn().await?, &rows).await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, (Position, String)>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
