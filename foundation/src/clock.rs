//! The current time. Nothing else asks the operating system for it, so tests can set it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ruma::{MilliSecondsSinceUnixEpoch, UInt};

/// A source of time; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds added to the operating system's time.
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Milliseconds since the Unix epoch.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn now_ms(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        now.saturating_add(self.offset_ms.load(Ordering::Relaxed))
    }

    /// The same as Matrix writes it.
    pub fn now(&self) -> MilliSecondsSinceUnixEpoch {
        MilliSecondsSinceUnixEpoch(UInt::new_saturating(self.now_ms().unsigned_abs()))
    }

    /// Moves the clock forward, for tests.
    pub fn advance(&self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.offset_ms.fetch_add(by_ms, Ordering::Relaxed);
    }
}
