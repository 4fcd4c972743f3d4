//! Named background tasks: start, supervise, stop. Nothing else spawns tasks that outlive a request.

use std::{future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, warn};

/// How long a task that panicked rests before it is started again.
const RESTART_DELAY: Duration = Duration::from_secs(1);
/// How long tasks may take to end. What they were at is done after the next start.
const PATIENCE: Duration = Duration::from_millis(800);

/// The tasks of one process; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Starts `work` under `name`. A panic is logged and `work` started again; returning ends the task.
    #[expect(clippy::disallowed_methods, reason = "tasks are spawned here and supervised")]
    pub fn start<F, Fut>(&self, name: &'static str, work: F)
    where
        F: Fn(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            loop {
                let Err(fault) = tokio::spawn(work(stop.clone())).await else { return };
                error!(task.name = name, error = %fault, "A background task panicked and is started again");
                tokio::select! {
                    () = tokio::time::sleep(RESTART_DELAY) => {}
                    () = stop.cancelled() => return,
                }
            }
        });
    }

    /// Starts `work`, which is dropped when the process stops.
    pub fn start_once(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                () = work => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// Resolves when the process stops.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Asks all tasks to end and waits until they have, but not for long.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
        if tokio::time::timeout(PATIENCE, self.tracker.wait()).await.is_err() {
            warn!("Some background tasks take long to end and are left");
        }
    }
}
