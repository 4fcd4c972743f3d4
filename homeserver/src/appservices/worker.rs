//! Tells one application service what happens, in order: fills its queue of transactions from the
//! log, and brings them one after the other until each is taken.
//!
//! A transaction is stored before it is sent and sent as it is stored, so that it never changes.
//! While its service takes what it is told, the next one is put together when the last was taken, so
//! that there is much in one where there is much to tell. While the service is away, the queue is
//! filled nevertheless, because whose business something is depends on who is in a room by then.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{Sources, backoff::Backoff, interests::Interests, transaction};
use crate::{
    Result,
    accounts::appservices::AppService,
    secrets,
    storage::{appservices as queues, log, numbers::Position},
};

/// How long a process that dies keeps others from taking over, in milliseconds.
const LEASE_MS: i64 = 10_000;
/// How often it is made sure that no other process takes over.
const RENEWAL: Duration = Duration::from_secs(3);
/// How often the queue of a service that is away is filled.
const FILLING: Duration = Duration::from_secs(1);
/// Transactions that wait for a service that is away, at most; the rest waits in the log.
const WAITING: i64 = 1000;
/// The position is stored at least every so many facts, also while nothing is to be told.
const STRIDE: i64 = 10_000;

/// Tells one application service.
#[derive(Debug)]
pub(super) struct Worker {
    sources: Sources,
    service: Arc<AppService>,
    interests: Interests,
    present: Arc<Notify>,
}

/// The queue, as this process knows it while it owns it.
#[derive(Debug)]
struct Queue {
    /// Everything up to here was looked at.
    read: Position,
    /// What of that is stored.
    stored: Position,
    /// How many transactions wait.
    waiting: i64,
    /// When to go on after a failure.
    failed: Option<Failure>,
    backoff: Backoff,
    claimed_at: Instant,
}

/// The last attempt failed.
#[derive(Debug)]
struct Failure {
    retry_at: Instant,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// There is more to do at once.
    Go,
    /// There is nothing to do until something happens, or at most for so long.
    Wait(Duration),
}

impl Worker {
    pub(super) fn new(sources: Sources, service: Arc<AppService>) -> Self {
        let interests = Interests::new(service.clone(), sources.storage.clone(), sources.rooms.clone());
        Self { sources, service, interests, present: Arc::default() }
    }

    /// Rung when the application service is known to be there.
    pub(super) fn present(&self) -> Arc<Notify> {
        self.present.clone()
    }

    /// Tells it until the server stops.
    pub(super) async fn run(&self, stop: CancellationToken) {
        let owner = secrets::identifier(32);
        let mut heads = self.sources.tail.bus().watch();
        let mut queue = None;
        loop {
            heads.borrow_and_update();
            let step = tokio::select! {
                step = self.step(&mut queue, &owner) => step,
                () = stop.cancelled() => break,
            };
            let wait = match step {
                Ok(Next::Go) => continue,
                Ok(Next::Wait(wait)) => wait,
                Err(error) => {
                    warn!(appservice.id = self.service.id, %error, "An application service's queue could not be filled");
                    queue = None;
                    FILLING
                }
            };
            tokio::select! {
                changed = heads.changed(), if queue.as_ref().is_some_and(|queue: &Queue| queue.failed.is_none()) => {
                    if changed.is_err() { break }
                }
                () = self.present.notified() => {
                    if let Some(queue) = &mut queue {
                        queue.failed = None;
                        queue.backoff = Backoff::default();
                    }
                }
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => break,
            }
        }
        if let Err(error) = self.release(&owner).await {
            debug!(appservice.id = self.service.id, %error, "The queue could not be handed to other processes");
        }
    }

    async fn release(&self, owner: &str) -> Result<()> {
        queues::release(&mut *self.sources.storage.conn().await?, &self.service.id, owner).await
    }

    /// Does one thing.
    async fn step(&self, queue: &mut Option<Queue>, owner: &str) -> Result<Next> {
        if !self.own(queue, owner).await? {
            return Ok(Next::Wait(RENEWAL));
        }
        let Some(queue) = queue else { return Ok(Next::Wait(RENEWAL)) };
        let is_away = queue.failed.as_ref().is_some_and(|failure| failure.retry_at > Instant::now());
        if queue.waiting > 0 && !is_away {
            self.bring(queue).await?;
            return Ok(Next::Go);
        }
        if queue.waiting < WAITING && self.fill(queue, owner).await? {
            return Ok(Next::Go);
        }
        Ok(Next::Wait(match &queue.failed {
            Some(failure) => failure.retry_at.saturating_duration_since(Instant::now()).min(FILLING),
            None => RENEWAL,
        }))
    }

    /// Makes sure that this process is the one that tells, and knows the queue then.
    async fn own(&self, queue: &mut Option<Queue>, owner: &str) -> Result<bool> {
        if queue.as_ref().is_some_and(|queue| queue.claimed_at.elapsed() < RENEWAL) {
            return Ok(true);
        }
        let claimed_at = Instant::now();
        let id = &self.service.id;
        let mut conn = self.sources.storage.conn().await?;
        if queue.is_none() {
            let head = log::head(&mut conn).await?;
            // Services remember the numbers, even where they forgot that this server was set up anew.
            queues::insert_queue(&mut conn, id, head, self.sources.clock.now_ms()).await?;
        }
        if !queues::claim(&mut conn, id, owner, LEASE_MS).await? {
            *queue = None;
            return Ok(false);
        }
        match queue {
            Some(queue) => queue.claimed_at = claimed_at,
            None => {
                let stored = queues::position(&mut conn, id).await?;
                let waiting = queues::count_transactions(&mut conn, id).await?;
                let backoff = Backoff::default();
                *queue = Some(Queue { read: stored, stored, waiting, failed: None, backoff, claimed_at });
            }
        }
        Ok(true)
    }

    /// Brings the first transaction that waits.
    async fn bring(&self, queue: &mut Queue) -> Result<()> {
        let id = &self.service.id;
        let storage = &self.sources.storage;
        let Some(transaction) = queues::first_transaction(&mut *storage.conn().await?, id).await? else {
            queue.waiting = 0;
            return Ok(());
        };
        let txn_id = transaction.number.to_string();
        match self.sources.client.bring(&self.service, &txn_id, transaction.content).await {
            Ok(()) => {
                queues::delete_transaction(&mut *storage.conn().await?, id, transaction.number).await?;
                if queue.failed.take().is_some() {
                    info!(appservice.id = id, "An application service is there again");
                }
                queue.waiting -= 1;
                queue.backoff = Backoff::default();
            }
            Err(fault) => {
                let wait = queue.backoff.take();
                if queue.failed.is_none() {
                    warn!(
                        appservice.id = id,
                        cause = format!("{fault:#}"),
                        "An application service did not take what it was told"
                    );
                }
                queue.failed = Some(Failure { retry_at: Instant::now() + wait });
            }
        }
        Ok(())
    }

    /// Puts together the next transaction. Returns whether there may be more to tell.
    async fn fill(&self, queue: &mut Queue, owner: &str) -> Result<bool> {
        let head = self.sources.tail.view().head();
        if queue.read >= head {
            return Ok(false);
        }
        let told = transaction::tell(&self.sources, &self.interests, queue.read, head).await?;
        let has_content = told.content.is_some();
        if has_content || told.until.0 - queue.stored.0 >= STRIDE {
            self.store(queue, owner, &told).await?;
        }
        queue.read = told.until;
        Ok(has_content || told.until < head)
    }

    async fn store(&self, queue: &mut Queue, owner: &str, told: &transaction::Told) -> Result<()> {
        let id = &self.service.id;
        let storage = &self.sources.storage;
        let from = queue.stored;
        let is_stored = storage
            .retry(|| async {
                let mut tx = storage.begin().await?;
                if !queues::advance(&mut tx, id, owner, from, told.until).await? {
                    return Ok(false);
                }
                if let Some(content) = &told.content {
                    queues::insert_transaction(&mut tx, id, content, self.sources.clock.now_ms()).await?;
                }
                tx.commit().await?;
                Ok(true)
            })
            .await?;
        if !is_stored {
            return Err(crate::Error::internal("another process fills the queue"));
        }
        queue.stored = told.until;
        queue.waiting += i64::from(told.content.is_some());
        Ok(())
    }
}
