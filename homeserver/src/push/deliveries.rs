//! Brings notifications to pushers: to each in their order, again and again where that fails.
//!
//! What waits in memory only is noted in the pusher's row by the position after which it comes, so
//! that it is brought after a restart.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Semaphore;
use tracing::{debug, warn};

use super::{
    gateway::{Gateway, Notification, Outcome},
    pushers::{Pushers, Target},
};
use crate::{
    Result,
    clock::Clock,
    storage::{
        Storage,
        pushers::{self, PusherKey},
    },
    tasks::Tasks,
};

/// Requests under way at the same time.
const AT_ONCE: usize = 100;
/// Notifications that wait for one pusher, at most; of more, the oldest are dropped.
const WAITING: usize = 50;
/// How long to wait before a delivery is tried again, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_mins(10));
/// What could not be brought for so long is dropped.
const GIVE_UP_MS: i64 = 86_400_000;

/// Something to bring.
#[derive(Clone, Debug)]
pub enum Item {
    /// A notification.
    Notification(Arc<Notification>),
    /// Nothing but the number of unread ones, as it is when it is sent.
    Badge,
}

/// What became of an attempt.
enum Attempt {
    Done,
    /// There is no such pusher any more.
    Pointless,
    Failed,
}

/// What is to be brought; clones share it.
#[derive(Clone, Debug)]
pub struct Deliveries {
    storage: Storage,
    pushers: Pushers,
    gateway: Gateway,
    clock: Clock,
    tasks: Tasks,
    queues: Arc<Mutex<HashMap<PusherKey, VecDeque<Item>>>>,
    permits: Arc<Semaphore>,
}

impl Deliveries {
    /// Nothing to bring yet.
    pub fn new(storage: Storage, pushers: Pushers, gateway: Gateway, clock: Clock, tasks: Tasks) -> Self {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        Self { storage, pushers, gateway, clock, tasks, queues: Arc::default(), permits }
    }

    /// Adds something to bring to a pusher, and sets out unless somebody is on the way already.
    pub fn add(&self, key: &PusherKey, item: Item) {
        let is_first = match self.queues().entry(key.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(VecDeque::from([item]));
                true
            }
            Entry::Occupied(mut entry) => {
                push(entry.get_mut(), item);
                false
            }
        };
        if is_first {
            let (deliveries, key) = (self.clone(), key.clone());
            self.tasks.start_once("push delivery", async move { deliveries.bring(&key).await });
        }
    }

    /// Brings everything that waits for a pusher.
    async fn bring(&self, key: &PusherKey) {
        let (mut delay, longest) = RETRY;
        while let Some(item) = self.first(key) {
            let attempt = self.attempt(key, &item).await.unwrap_or_else(|error| {
                warn!(%error, "A notification could not be prepared and is tried again");
                Attempt::Failed
            });
            match attempt {
                Attempt::Done => {
                    self.take(key);
                    delay = RETRY.0;
                }
                Attempt::Pointless => {
                    self.queues().remove(key);
                    return;
                }
                Attempt::Failed => {
                    tokio::time::sleep(delay).await;
                    delay = (delay * 2).min(longest);
                }
            }
        }
    }

    async fn attempt(&self, key: &PusherKey, item: &Item) -> Result<Attempt> {
        let Some(target) = self.pushers.target(key).await? else { return Ok(Attempt::Pointless) };
        let notification = match item {
            Item::Notification(notification) => Some(&**notification),
            Item::Badge => None,
        };
        let told = {
            let _permit = self.permits.acquire().await.map_err(anyhow::Error::from)?;
            self.gateway.tell(&target, notification).await
        };
        match told {
            Ok(Outcome::Taken) => {
                self.note_success(&target).await?;
                Ok(Attempt::Done)
            }
            Ok(Outcome::Rejected) => {
                pushers::delete(&mut *self.storage.conn().await?, key).await?;
                Ok(Attempt::Pointless)
            }
            Err(error) => {
                debug!(%error, "A push gateway could not be told of a notification");
                self.note_failure(&target).await
            }
        }
    }

    async fn note_success(&self, target: &Target) -> Result<()> {
        let is_last = self.queues().get(&target.key).is_none_or(|queue| queue.len() <= 1);
        if is_last {
            return pushers::note_done(&mut *self.storage.conn().await?, &target.key).await;
        }
        if target.failing_since.is_some() {
            return pushers::note_failing(&mut *self.storage.conn().await?, &target.key, None).await;
        }
        Ok(())
    }

    async fn note_failure(&self, target: &Target) -> Result<Attempt> {
        let now_ms = self.clock.now_ms();
        let mut conn = self.storage.conn().await?;
        match target.failing_since {
            None => pushers::note_failing(&mut conn, &target.key, Some(now_ms)).await?,
            Some(since) if now_ms.saturating_sub(since) > GIVE_UP_MS => {
                warn!(
                    app.id = target.key.app_id,
                    "A push gateway was out of reach for a day: notifications are dropped"
                );
                pushers::note_done(&mut conn, &target.key).await?;
                return Ok(Attempt::Pointless);
            }
            Some(_) => {}
        }
        Ok(Attempt::Failed)
    }

    fn first(&self, key: &PusherKey) -> Option<Item> {
        let mut queues = self.queues();
        let first = queues.get(key).and_then(|queue| queue.front().cloned());
        if first.is_none() {
            queues.remove(key);
        }
        first
    }

    fn take(&self, key: &PusherKey) {
        if let Some(queue) = self.queues().get_mut(key) {
            queue.pop_front();
        }
    }

    fn queues(&self) -> std::sync::MutexGuard<'_, HashMap<PusherKey, VecDeque<Item>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds `item` to what waits behind the first, with which somebody is on the way.
fn push(queue: &mut VecDeque<Item>, item: Item) {
    let is_repeated = matches!(item, Item::Badge) && queue.len() > 1 && matches!(queue.back(), Some(Item::Badge));
    if is_repeated {
        return;
    }
    queue.push_back(item);
    if queue.len() > WAITING {
        queue.remove(1);
    }
}
