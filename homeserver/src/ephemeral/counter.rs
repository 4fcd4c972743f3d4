//! Numbers the changes that are never stored, for the second number of a sync token.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

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
}

impl Counter {
    /// Counts from the present time on.
    pub fn new(clock: Clock) -> Self {
        Self { last: Arc::new(AtomicU64::new(clock.now_ms().unsigned_abs())), clock }
    }

    /// The number of the newest change.
    pub fn current(&self) -> u64 {
        self.last.load(Ordering::SeqCst)
    }

    /// The number of a change that is being made.
    pub fn advance(&self) -> u64 {
        let now_ms = self.clock.now_ms().unsigned_abs();
        let before = self.last.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(now_ms.max(last + 1)));
        before.map_or(now_ms, |last| now_ms.max(last + 1))
    }
}
