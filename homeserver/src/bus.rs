//! Wake-ups between modules. Carries no facts: a lost notice delays, never loses.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::storage::numbers::{Position, UserNid};

/// Who waits for what; clones share it.
#[derive(Clone, Debug)]
pub struct Bus {
    parked: Arc<Mutex<HashMap<UserNid, Vec<Arc<Notify>>>>>,
    head: watch::Sender<Position>,
    closing: CancellationToken,
}

impl Default for Bus {
    fn default() -> Self {
        Self { parked: Arc::default(), head: watch::channel(Position(0)).0, closing: CancellationToken::new() }
    }
}

impl Bus {
    /// Parks on the news of `user` until the returned value is dropped.
    pub fn park(&self, user: UserNid) -> Parked {
        let notify = Arc::new(Notify::new());
        self.lock().entry(user).or_default().push(notify.clone());
        Parked { bus: self.clone(), user, notify }
    }

    /// How many wait.
    pub fn parked(&self) -> usize {
        self.lock().values().map(Vec::len).sum()
    }

    /// Wakes all that wait for news of one of `users`.
    pub fn wake<'a>(&self, users: impl IntoIterator<Item = &'a UserNid>) {
        let parked = self.lock();
        if parked.is_empty() {
            return;
        }
        for user in users {
            for waiter in parked.get(user).into_iter().flatten() {
                waiter.notify_one();
            }
        }
    }

    /// Wakes all that wait.
    pub fn wake_everyone(&self) {
        for waiter in self.lock().values().flatten() {
            waiter.notify_one();
        }
    }

    /// Sends everybody away who waits, or comes to wait from now on: the server is about to stop.
    pub fn close(&self) {
        self.closing.cancel();
        for waiter in self.lock().values().flatten() {
            waiter.notify_one();
        }
    }

    /// Resolves when everybody who waits, for whatever it is, has to leave.
    pub async fn closed(&self) {
        self.closing.cancelled().await;
    }

    /// Tells the readers of the log that it now ends at `position`.
    pub fn advance(&self, position: Position) {
        self.head.send_replace(position);
    }

    /// The end of the log, for tasks that read all of it.
    pub fn watch(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<UserNid, Vec<Arc<Notify>>>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the waiting room; leaving it is dropping it.
#[derive(Debug)]
pub struct Parked {
    bus: Bus,
    user: UserNid,
    notify: Arc<Notify>,
}

impl Parked {
    /// Resolves at the next wake-up, also when that came before this call. There may be news then, or
    /// the server is about to stop and whoever waits has to leave: that is false.
    pub async fn woken(&self) -> bool {
        if !self.bus.closing.is_cancelled() {
            self.notify.notified().await;
        }
        !self.bus.closing.is_cancelled()
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        let mut parked = self.bus.lock();
        if let Some(waiters) = parked.get_mut(&self.user) {
            waiters.retain(|waiter| !Arc::ptr_eq(waiter, &self.notify));
            if waiters.is_empty() {
                parked.remove(&self.user);
            }
        }
    }
}
