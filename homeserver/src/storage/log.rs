//! Writes the number line: the only writer of everything that `/sync` can deliver.
//!
//! One task per process takes everything that queued while the previous commit ran and writes it
//! as one transaction of multi-row inserts. Its first statement takes the positions from the one
//! row of `stream_head`, whose lock is held until the commit: positions become visible in order
//! and without gaps, across processes too. Nobody is told of a fact before it is committed.

pub mod rows;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use self::rows::Rows;
use super::{Conn, Storage, numbers::Position};
use crate::{Error, Result, metrics::Metrics, tasks::Tasks};

/// At most so many jobs go into one transaction.
const BATCH: usize = 128;
/// At most so many jobs wait; beyond that senders do.
const QUEUE: usize = 4096;
/// How often to look for a database that went away.
const PAUSE: Duration = Duration::from_millis(200);

/// Shows a job to the readers, with its first position.
pub type Publish<V> = Box<dyn FnOnce(&mut V, Position) + Send + Sync>;

/// Something that becomes true as a whole, together with its neighbours in the batch.
///
/// `V` is what readers see; the log itself does not look into it.
pub struct Job<V> {
    /// What is written. Rows that take positions take them in the order of [`Rows::assign`].
    pub rows: Rows,
    /// Set when something this job builds upon could not be written: the job fails too.
    pub broken: Option<Broken>,
    /// Called after the commit, in the order of positions, with the job's first position.
    pub publish: Publish<V>,
}

impl<V: 'static> Job<V> {
    /// `first` and then `later`, written as a whole. The rows of each take positions of one kind
    /// only, so that those of `first` come before those of `later`.
    #[must_use]
    pub fn then(mut self, later: Self) -> Self {
        let offset = self.rows.positions();
        self.rows.merge(later.rows);
        let (publish_first, publish_later) = (self.publish, later.publish);
        self.publish = Box::new(move |view, first| {
            publish_first(view, first);
            publish_later(view, first.after(offset));
        });
        self
    }
}

/// A mark shared by jobs that build upon each other, such as the events of one room: when one of
/// them fails, those that follow must not be written.
#[derive(Clone, Debug, Default)]
pub struct Broken(Arc<AtomicBool>);

impl Broken {
    /// Whether a job failed.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// The readers of the log, as far as its writer knows them.
pub trait Readers<V>: Send + Sync + 'static {
    /// Lets readers see all that `publish` adds, or nothing of it. The facts are those from `first`
    /// to `head`, where the log ends then; what lies between the last known end and `first` was
    /// written by somebody else, or by a commit whose outcome was not known.
    fn publish(&self, first: Position, head: Position, publish: &mut dyn FnMut(&mut V));
}

struct Queued<V> {
    job: Job<V>,
    done: oneshot::Sender<Result<Position>>,
}

/// The receiving end of a job's commit.
#[derive(Debug)]
pub struct Commit(oneshot::Receiver<Result<Position>>);

impl Commit {
    /// Waits until the job is durable; returns its first position.
    pub async fn wait(self) -> Result<Position> {
        self.0.await.unwrap_or_else(|_| Err(Error::internal("the log has stopped")))
    }
}

/// The front of the log; clones share it.
pub struct Log<V> {
    queue: mpsc::Sender<Queued<V>>,
}

impl<V> Clone for Log<V> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<V> std::fmt::Debug for Log<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Log(…)")
    }
}

impl<V: 'static> Log<V> {
    /// Starts the writer.
    pub fn start(storage: Storage, tasks: &Tasks, readers: impl Readers<V>, metrics: Metrics) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let jobs = Arc::new(tokio::sync::Mutex::new(jobs));
        let readers: Arc<dyn Readers<V>> = Arc::new(readers);
        tasks.start_foundation("log", move |stop| {
            let writer = Writer { storage: storage.clone(), readers: readers.clone(), metrics: metrics.clone() };
            let jobs = jobs.clone();
            async move { writer.run(&mut *jobs.lock().await, stop).await }
        });
        Self { queue }
    }

    /// Queues `job` and returns at once (unless the queue is full). Jobs are written in the order
    /// of these calls.
    pub async fn enqueue(&self, job: Job<V>) -> Result<Commit> {
        let (done, commit) = oneshot::channel();
        let queued = Queued { job, done };
        self.queue.send(queued).await.map_err(|_| Error::internal("the log has stopped"))?;
        Ok(Commit(commit))
    }

    /// Queues `job` and waits until it is durable; returns its first position.
    pub async fn append(&self, job: Job<V>) -> Result<Position> {
        self.enqueue(job).await?.wait().await
    }
}

struct Writer<V> {
    storage: Storage,
    readers: Arc<dyn Readers<V>>,
    metrics: Metrics,
}

impl<V: 'static> Writer<V> {
    async fn run(&self, jobs: &mut mpsc::Receiver<Queued<V>>, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut is_in_doubt = false;
        loop {
            tokio::select! {
                biased;
                count = jobs.recv_many(&mut batch, BATCH) => if count == 0 { return },
                () = stop.cancelled() => return,
                () = self.clear_up(), if is_in_doubt => {
                    is_in_doubt = false;
                    continue;
                }
            }
            is_in_doubt = self.write(std::mem::take(&mut batch), is_in_doubt).await;
        }
    }

    /// Writes `batch` as one transaction. Where that fails, job by job, so that one bad job does
    /// not take its neighbours along. Takes and returns whether it is in doubt if something was
    /// written or not.
    async fn write(&self, batch: Vec<Queued<V>>, is_in_doubt: bool) -> bool {
        let batch = without_broken(batch);
        if batch.is_empty() {
            return is_in_doubt;
        }
        match self.commit(&batch).await {
            Ok(firsts) => {
                self.publish(batch, firsts);
                false
            }
            Err(error) if batch.len() == 1 || is_away(&error) => {
                let is_in_doubt = is_in_doubt || is_away(&error);
                fail(batch, error);
                is_in_doubt
            }
            Err(error) => {
                // Of rooms that several processes write to this is nothing special.
                if !matches!(error, Error::Outrun) {
                    warn!(%error, jobs = batch.len(), "A batch could not be written and is tried job by job");
                }
                let mut is_in_doubt = is_in_doubt;
                for queued in batch {
                    is_in_doubt = Box::pin(self.write(vec![queued], is_in_doubt)).await;
                }
                is_in_doubt
            }
        }
    }

    /// Waits for a database that went away while it was written to, and shows the readers what it
    /// committed without telling. The next job would do that too, but may not come for long.
    async fn clear_up(&self) {
        loop {
            tokio::time::sleep(PAUSE).await;
            let head = async { settled_head(&mut *self.storage.conn().await?).await };
            if let Ok(head) = head.await {
                self.readers.publish(head.after(1), head, &mut |_| {});
                return;
            }
        }
    }

    /// Returns the first position of each job.
    async fn commit(&self, batch: &[Queued<V>]) -> Result<Vec<Position>> {
        let started = Instant::now();
        let firsts = self
            .storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                let count: usize = batch.iter().map(|queued| queued.job.rows.positions()).sum();
                let mut next = take_positions(&mut tx, count).await?;
                let mut firsts = Vec::with_capacity(batch.len());
                let mut all = Rows::default();
                for queued in batch {
                    let mut rows = queued.job.rows.clone();
                    firsts.push(next);
                    next = rows.assign(next);
                    all.merge(rows);
                }
                all.write(&mut tx).await?;
                tx.commit().await?;
                Ok(firsts)
            })
            .await?;
        self.metrics.batch(batch.len(), started.elapsed());
        Ok(firsts)
    }

    fn publish(&self, batch: Vec<Queued<V>>, firsts: Vec<Position>) {
        let head = batch
            .last()
            .zip(firsts.last())
            .map(|(queued, first)| Position(first.after(queued.job.rows.positions()).0 - 1));
        let Some((first, head)) = firsts.first().copied().zip(head) else { return };
        let mut waiters = Vec::with_capacity(batch.len());
        let mut jobs = batch.into_iter().zip(firsts);
        self.readers.publish(first, head, &mut |view| {
            for (queued, first) in jobs.by_ref() {
                (queued.job.publish)(view, first);
                waiters.push((queued.done, first));
            }
        });
        for (done, first) in waiters {
            // The waiter may have left; what it asked for is written all the same.
            let _ = done.send(Ok(first));
        }
    }
}

/// Takes `count` positions; returns the first.
async fn take_positions(conn: &mut Conn, count: usize) -> Result<Position> {
    let count = i64::try_from(count).expect("a batch has far fewer facts than i64 counts");
    let done = sqlx::query!("update stream_head set position = last_insert_id(position + ?) where id = 1", count)
        .execute(conn)
        .await?;
    let last = i64::try_from(done.last_insert_id()).expect("positions stay far below 2^63");
    Ok(Position(last - count + 1))
}

/// Where the log ends when all that is being written is committed or rolled back.
async fn settled_head(conn: &mut Conn) -> Result<Position> {
    let head = sqlx::query_scalar!("select position from stream_head where id = 1 lock in share mode");
    Ok(Position(head.fetch_one(conn).await?))
}

/// Where the log ends.
pub async fn head(conn: &mut Conn) -> Result<Position> {
    Ok(Position(sqlx::query_scalar!("select position from stream_head where id = 1").fetch_one(conn).await?))
}

fn without_broken<V>(batch: Vec<Queued<V>>) -> Vec<Queued<V>> {
    let (broken, whole) =
        batch.into_iter().partition::<Vec<_>, _>(|queued| queued.job.broken.as_ref().is_some_and(Broken::is_set));
    for queued in broken {
        let _ = queued.done.send(Err(Error::Outrun));
    }
    whole
}

/// Whether the database is away, and with it the answer to whether a transaction was committed.
fn is_away(error: &Error) -> bool {
    matches!(error, Error::Unavailable(..))
}

fn fail<V>(batch: Vec<Queued<V>>, error: Error) {
    for queued in &batch {
        if let Some(broken) = &queued.job.broken {
            broken.set();
        }
    }
    let is_away = is_away(&error);
    let cause = error.to_string();
    let mut original = Some(error);
    for queued in batch {
        let error = original.take().unwrap_or_else(|| {
            let cause = anyhow::anyhow!("{cause}");
            if is_away { Error::Unavailable("The database", cause) } else { Error::Internal(cause) }
        });
        let _ = queued.done.send(Err(error));
    }
}
