//! How long to wait before something that failed is tried again.

use std::time::Duration;

/// The first wait and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_mins(5));

/// Waits that double.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: WAITS.0 }
    }
}

impl Backoff {
    /// The wait after a failure.
    pub(super) fn take(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(WAITS.1);
        wait
    }
}
