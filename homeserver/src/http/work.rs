//! Does the work of requests on the shared runtime, because pooled database connections belong to
//! the runtime that opened them; actix's workers only move bytes.

use std::{fmt, future::Future};

use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::entrance::Entrance;
use crate::{App, Error, Result};

/// Where the work of one server's requests is done; clones share it.
#[derive(Clone, Debug)]
pub struct Workplace {
    /// The server.
    pub app: App,
    tracker: TaskTracker,
}

impl Workplace {
    /// The workplace behind `entrance`, once it is open.
    pub fn of(entrance: &Entrance) -> Option<Self> {
        Some(Self { app: entrance.app()?.clone(), tracker: entrance.work().clone() })
    }

    /// Starts `work`. What changes something runs to its end even if its client leaves; what only
    /// reads is given up then.
    pub fn start<T: Send + 'static>(
        &self,
        is_read: bool,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Work<T> {
        Work { handle: self.tracker.spawn_on(work, &self.app.runtime), is_read }
    }
}

/// Work that was started.
pub struct Work<T> {
    handle: JoinHandle<Result<T>>,
    is_read: bool,
}

impl<T> Work<T> {
    /// What comes of it.
    pub async fn outcome(mut self) -> Result<T> {
        let ended = (&mut self.handle).await;
        ended.unwrap_or_else(|panic| Err(Error::internal(format!("a handler panicked: {panic}"))))
    }
}

impl<T> Drop for Work<T> {
    fn drop(&mut self) {
        if self.is_read {
            self.handle.abort();
        }
    }
}

impl<T> fmt::Debug for Work<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("is_read", &self.is_read).finish_non_exhaustive()
    }
}
