//! Wakes many readers for small news, a few at a time. Such news waits for nobody: whoever asks in
//! between has it already.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{bus::Bus, storage::numbers::UserNid, tasks::Tasks};

/// So many are woken at once and without delay.
pub const FEW: usize = 50;
/// How often the others are woken, at most.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many of them at a time.
const PER_INTERVAL: usize = 500;

/// Users who are to be woken soon; clones share them.
#[derive(Clone, Debug)]
pub struct Nudges {
    bus: Bus,
    waiting: Arc<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    users: Mutex<HashSet<UserNid>>,
    added: Notify,
}

impl Nudges {
    /// Starts the task that wakes.
    pub fn start(bus: Bus, tasks: &Tasks) -> Self {
        let nudges = Self { bus, waiting: Arc::default() };
        let task = nudges.clone();
        tasks.start("nudges", move |stop| {
            let nudges = task.clone();
            async move { nudges.run(stop).await }
        });
        nudges
    }

    /// Wakes `users`: at once if they are few, else each within the next seconds.
    pub fn wake<'a>(&self, users: impl ExactSizeIterator<Item = &'a UserNid>) {
        if users.len() <= FEW {
            self.bus.wake(users);
        } else {
            self.wake_later(users.copied());
        }
    }

    /// Wakes each of `users` within the next seconds, once for everything until then.
    pub fn wake_later(&self, users: impl IntoIterator<Item = UserNid>) {
        self.lock().extend(users);
        self.waiting.added.notify_one();
    }

    async fn run(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = self.waiting.added.notified() => {}
                () = stop.cancelled() => return,
            }
            while !self.lock().is_empty() {
                tokio::select! {
                    () = tokio::time::sleep(INTERVAL) => self.wake_some(),
                    () = stop.cancelled() => return,
                }
            }
        }
    }

    fn wake_some(&self) {
        let some: Vec<UserNid> = {
            let mut users = self.lock();
            let some: Vec<UserNid> = users.iter().take(PER_INTERVAL).copied().collect();
            for user in &some {
                users.remove(user);
            }
            some
        };
        self.bus.wake(&some);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<UserNid>> {
        self.waiting.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
