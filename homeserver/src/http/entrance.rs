//! Lets requests in once the server is complete. Until then, and it may take a while when the
//! database is away, clients are told to come again.

use std::sync::{Arc, OnceLock};

use tokio_util::task::TaskTracker;

use crate::{App, metrics::Metrics};

/// The way into one server; clones share it.
#[derive(Clone, Debug)]
pub struct Entrance(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    app: OnceLock<App>,
    metrics: Metrics,
    work: TaskTracker,
}

impl Entrance {
    /// An entrance that lets nobody in yet.
    pub fn closed(metrics: Metrics) -> Self {
        Self(Arc::new(Inner { app: OnceLock::new(), metrics, work: TaskTracker::new() }))
    }

    /// An entrance to a complete server.
    pub fn to(app: App) -> Self {
        let entrance = Self::closed(app.metrics.clone());
        entrance.open(app);
        entrance
    }

    /// Lets requests in, from now on.
    pub fn open(&self, app: App) {
        // It is opened once; were it opened again, the first server would stay.
        let _ = self.0.app.set(app);
    }

    /// The server, when it is complete.
    pub fn app(&self) -> Option<&App> {
        self.0.app.get()
    }

    /// What is measured.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// The handlers at work, also those whose client has left.
    pub fn work(&self) -> &TaskTracker {
        &self.0.work
    }
}
