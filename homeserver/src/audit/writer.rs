//! Writes queued events, many in one transaction, in a task of its own.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    chain,
    event::{Action, Actor, Event},
    lines::Lines,
};
use crate::{Result, clock::Clock, metrics::Metrics, secrets::Secrets, storage::Storage, tasks::Tasks};

/// At most so many events wait.
const QUEUE: usize = 8192;
/// At most so many are written in one transaction.
const BATCH: usize = 128;
/// How long to wait before a batch that could not be written is tried again, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// An event with its time.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) at_ms: i64,
    pub(super) event: Event,
}

enum Item {
    Event(Box<Pending>),
    /// Answered when everything before it is written.
    Mark(oneshot::Sender<()>),
}

/// The way to the task that writes.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    sender: mpsc::Sender<Item>,
    lost: Arc<AtomicU64>,
    metrics: Metrics,
}

impl Queue {
    /// Adds an event, unless too many wait already.
    pub(super) fn push(&self, pending: Pending) {
        if self.sender.try_send(Item::Event(Box::new(pending))).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
            self.metrics.lost_audit_event();
        }
    }

    /// Waits until everything that was added before is written.
    pub(super) async fn settled(&self) {
        let (mark, reached) = oneshot::channel();
        if self.sender.send(Item::Mark(mark)).await.is_ok() {
            let _ = reached.await;
        }
    }
}

/// What the task works with.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    lines: Lines,
}

impl Writer {
    pub(super) fn new(storage: Storage, secrets: Secrets, clock: Clock, lines_file: Option<PathBuf>) -> Self {
        Self { storage, secrets, clock, lines: Lines::new(lines_file) }
    }
}

/// Starts the task. Commands have it too, because what operators do is noted.
pub(super) fn start(writer: Writer, metrics: Metrics, tasks: &Tasks) -> Queue {
    let (sender, items) = mpsc::channel(QUEUE);
    let lost = Arc::new(AtomicU64::new(0));
    let queue = Queue { sender, lost: lost.clone(), metrics };
    let items = Arc::new(Mutex::new(items));
    tasks.start_foundation("audit log", move |stop| {
        let (writer, items, lost) = (writer.clone(), items.clone(), lost.clone());
        async move { run(&writer, &mut *items.lock().await, &lost, stop).await }
    });
    queue
}

async fn run(writer: &Writer, items: &mut mpsc::Receiver<Item>, lost: &AtomicU64, stop: CancellationToken) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let is_stopping = tokio::select! {
            biased;
            count = items.recv_many(&mut batch, BATCH) => if count == 0 { return } else { false },
            () = stop.cancelled() => true,
        };
        if is_stopping {
            // What has been queued until now is still written.
            items.close();
            while let Ok(item) = items.try_recv() {
                batch.push(item);
            }
        }
        write(writer, &mut batch, lost, &stop).await;
        if is_stopping {
            return;
        }
    }
}

/// Writes a batch, however long the database is away, unless the server stops meanwhile.
async fn write(writer: &Writer, batch: &mut Vec<Item>, lost: &AtomicU64, stop: &CancellationToken) {
    let (mut events, mut marks) = (Vec::new(), Vec::new());
    for item in batch.drain(..) {
        match item {
            Item::Event(pending) => events.push(*pending),
            Item::Mark(mark) => marks.push(mark),
        }
    }
    let count = lost.swap(0, Ordering::Relaxed);
    if count > 0 {
        let event = Event::new(Action::EventsLost, Actor::server()).failed("too_many").detail("count", count);
        events.push(Pending { at_ms: writer.clock.now_ms(), event });
    }
    // First, because it does not need the database.
    writer.lines.write(&events).await;
    for events in events.chunks(BATCH) {
        insist(writer, events, stop).await;
    }
    for mark in marks {
        // Who asked may have gone.
        let _ = mark.send(());
    }
}

async fn insist(writer: &Writer, events: &[Pending], stop: &CancellationToken) {
    let (mut delay, longest) = RETRY;
    while let Err(error) = append(writer, events).await {
        warn!(%error, events = events.len(), "The audit log could not be written");
        if stop.is_cancelled() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(delay) => delay = (delay * 2).min(longest),
            () = stop.cancelled() => {}
        }
    }
}

async fn append(writer: &Writer, events: &[Pending]) -> Result<()> {
    let storage = &writer.storage;
    storage
        .retry(|| async {
            let mut tx = storage.begin().await?;
            chain::append(&mut tx, &writer.secrets, events).await?;
            Ok(tx.commit().await?)
        })
        .await
}
