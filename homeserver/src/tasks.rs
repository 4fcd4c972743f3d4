//! Named background tasks: start, supervise, stop. Nothing else spawns tasks that outlive a request.

use std::{future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, error};

/// How long a task that panicked rests before it is started again, at first and at most.
const RESTART_DELAY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// The tasks of one server; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    is_for_command: bool,
}

impl Tasks {
    /// The tasks of a process that serves nobody: it only does what a command asks for, beside other
    /// processes that have all duties.
    pub fn for_command() -> Self {
        Self { is_for_command: true, ..Self::default() }
    }

    /// Starts the duty `work` under `name`, unless this process has none. A panic is logged and `work` started again, with back-off;
    /// returning ends the task.
    pub fn start<F, Fut>(&self, name: &'static str, work: F)
    where
        F: Fn(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        if !self.is_for_command {
            self.start_always(name, work);
        }
    }

    /// The same for what a command waits for too.
    pub fn start_always<F, Fut>(&self, name: &'static str, work: F)
    where
        F: Fn(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        let supervised = async move {
            let (mut delay, longest) = RESTART_DELAY;
            loop {
                let run = spawn(work(stop.clone())).await;
                let Err(fault) = run else { return };
                if stop.is_cancelled() {
                    return;
                }
                error!(task.name = name, error = %fault, "A background task panicked and is started again");
                tokio::select! {
                    () = tokio::time::sleep(delay) => delay = (delay * 2).min(longest),
                    () = stop.cancelled() => return,
                }
            }
        };
        self.tracker.spawn(supervised);
    }

    /// Starts `work`, which need not be repeatable: it is dropped when the server stops, and a panic
    /// ends it.
    pub fn start_once(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                ended = spawn(work) => if let Err(fault) = ended {
                    error!(task.name = name, error = %fault, "A background task panicked");
                },
                () = stop.cancelled() => {}
            }
        });
    }

    /// Resolves when the server stops.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Asks all tasks to end and waits until they have.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
        debug!("All background tasks have ended");
    }
}

#[expect(clippy::disallowed_methods, reason = "tasks are spawned here and supervised above")]
fn spawn<F: Future<Output = ()> + Send + 'static>(work: F) -> tokio::task::JoinHandle<()> {
    tokio::spawn(work)
}
