//! Named background tasks: start, supervise, stop. Nothing else spawns tasks that outlive a request.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};
use tracing::{debug, error, warn};

/// How long a task that panicked rests before it is started again, at first and at most.
const RESTART_DELAY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));
/// How long tasks may take to end before they are named in the log, and before they are aborted.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(20));

/// The tasks of one program; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    duties: Group,
    foundations: Group,
    is_for_command: bool,
}

/// Tasks that are stopped together.
#[derive(Clone, Debug, Default)]
struct Group {
    tracker: TaskTracker,
    /// Asks them to end.
    stop: CancellationToken,
    /// Ends those that do not.
    abort: CancellationToken,
    /// How many of each name are under way.
    running: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

/// Counts a task as running as long as it lives.
struct Presence {
    name: &'static str,
    running: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

impl Tasks {
    /// The tasks of a process that serves nobody: it only does what a command asks for, beside other
    /// processes that have all duties.
    pub fn for_command() -> Self {
        Self { is_for_command: true, ..Self::default() }
    }

    /// Starts the duty `work` under `name`, unless this process has none. A panic is logged and
    /// `work` started again, with back-off; returning ends the task.
    pub fn start<F, Fut>(&self, name: &'static str, work: F)
    where
        F: Fn(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        if !self.is_for_command {
            self.duties.supervise(name, work);
        }
    }

    /// The same for what other tasks, and commands, rely on: it is stopped after all others.
    pub fn start_foundation<F, Fut>(&self, name: &'static str, work: F)
    where
        F: Fn(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.foundations.supervise(name, work);
    }

    /// Starts `work`, which need not be repeatable: it is dropped when the server stops, and a panic
    /// ends it.
    pub fn start_once(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.duties.stop.clone();
        self.duties.spawn(name, async move {
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
        self.duties.stop.clone()
    }

    /// Asks all tasks to end and waits until they have; those that take too long are aborted.
    pub async fn stop(&self) {
        self.duties.stop().await;
        self.foundations.stop().await;
        debug!("All background tasks have ended");
    }
}

impl Group {
    fn supervise<F, Fut>(&self, name: &'static str, work: F)
    where
        F: Fn(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        self.spawn(name, async move {
            let (mut delay, longest) = RESTART_DELAY;
            loop {
                let Err(fault) = spawn(work(stop.clone())).await else { return };
                if stop.is_cancelled() {
                    return;
                }
                error!(task.name = name, error = %fault, "A background task panicked and is started again");
                tokio::select! {
                    () = tokio::time::sleep(delay) => delay = (delay * 2).min(longest),
                    () = stop.cancelled() => return,
                }
            }
        });
    }

    fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let presence = Presence::new(name, &self.running);
        let abort = self.abort.clone();
        self.tracker.spawn(async move {
            let _presence = presence;
            tokio::select! {
                () = work => {}
                () = abort.cancelled() => {}
            }
        });
    }

    async fn stop(&self) {
        let (patience, longest) = PATIENCE;
        self.stop.cancel();
        self.tracker.close();
        if tokio::time::timeout(patience, self.tracker.wait()).await.is_ok() {
            return;
        }
        warn!(tasks = ?self.names(), "Some background tasks take long to end");
        if tokio::time::timeout(longest - patience, self.tracker.wait()).await.is_err() {
            error!(tasks = ?self.names(), "Some background tasks did not end and are aborted");
            self.abort.cancel();
            self.tracker.wait().await;
        }
    }

    fn names(&self) -> Vec<&'static str> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }
}

impl Presence {
    fn new(name: &'static str, running: &Arc<Mutex<BTreeMap<&'static str, usize>>>) -> Self {
        *running.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
        Self { name, running: running.clone() }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                running.remove(self.name);
            }
        }
    }
}

/// Its own task, so that a panic ends nothing else; dropped with the handle.
#[expect(clippy::disallowed_methods, reason = "tasks are spawned here and supervised above")]
fn spawn<F: Future<Output = ()> + Send + 'static>(work: F) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(work))
}
