//! Numbers the changes that are never stored, for the second number of a sync token.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::watch;

use crate::clock::Clock;

/// The number of the newest change of typing and presence; clones share it.
///
/// Numbers are milliseconds since the epoch, moved up where two changes would get the same one. So
/// they go on rising when the server is started again, and those of other processes compare.
///
/// Whoever makes a change takes its number under the lock that guards what changes. A reader asks
/// for [`Self::current`] first and looks for changes then: it may see one twice, but misses none.
#[derive(Clone, Debug)]
pub struct Counter {
    last: Arc<AtomicU64>,
    clock: Clock,
    changes: watch::Sender<u64>,
}

impl Counter {
    /// Counts from the present time on.
    pub fn new(clock: Clock) -> Self {
        let now_ms = clock.now_ms().unsigned_abs();
        Self { last: Arc::new(AtomicU64::new(now_ms)), clock, changes: watch::channel(now_ms).0 }
    }

    /// The number of the newest change.
    pub fn current(&self) -> u64 {
        self.last.load(Ordering::SeqCst)
    }

    /// The number of a change that is being made.
    pub fn advance(&self) -> u64 {
        let now_ms = self.clock.now_ms().unsigned_abs();
        let before = self.last.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(now_ms.max(last + 1)));
        let number = before.map_or(now_ms, |last| now_ms.max(last + 1));
        self.changes.send_replace(number);
        number
    }

    /// Tells of changes, for those who read all of them.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}
