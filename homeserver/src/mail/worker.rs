//! Sends what waits, again and again until it is taken or it is too late.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    Message,
    smtp::{Outcome, Smtp},
};
use crate::{
    Error, Result,
    clock::Clock,
    secrets::{Secrets, columns},
    storage::{
        Storage,
        mail::{self as rows, MailRow},
    },
    tasks::Tasks,
};

/// How often to look for what is due, besides being told.
const INTERVAL: Duration = Duration::from_secs(10);
/// Messages that are looked at together.
const BATCH: u32 = 20;
/// So long a message belongs to the process that is sending it, in milliseconds.
const CLAIM_MS: i64 = 120_000;
/// How long to wait after the first failed attempt, and at most, in milliseconds. It doubles each time.
const RETRY_MS: (i64, i64) = (30_000, 3_600_000);
/// A message that could not be sent for so long is given up, in milliseconds.
const PATIENCE_MS: i64 = 24 * 3600 * 1000;

/// What the task works with.
#[derive(Clone, Debug)]
pub(super) struct Worker {
    pub(super) storage: Storage,
    pub(super) secrets: Secrets,
    pub(super) clock: Clock,
    pub(super) smtp: Smtp,
}

/// Starts the task, which looks when `due` is rung too.
pub(super) fn start(worker: Worker, due: &Arc<Notify>, tasks: &Tasks) {
    let due = due.clone();
    tasks.start("mail", move |stop| {
        let (worker, due) = (worker.clone(), due.clone());
        async move { run(&worker, &due, stop).await }
    });
}

async fn run(worker: &Worker, due: &Notify, stop: CancellationToken) {
    loop {
        let sent = tokio::select! {
            sent = send_due(worker) => sent,
            () = stop.cancelled() => return,
        };
        match sent {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => warn!(%error, "Messages that wait could not be looked at"),
        }
        tokio::select! {
            () = due.notified() => {}
            () = tokio::time::sleep(INTERVAL) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Sends what is due; returns how many messages that were.
async fn send_due(worker: &Worker) -> Result<usize> {
    let now_ms = worker.clock.now_ms();
    let rows = rows::list_due(&mut *worker.storage.conn().await?, now_ms, BATCH).await?;
    for row in &rows {
        // Another process may have taken it.
        if rows::claim(&mut *worker.storage.conn().await?, row, now_ms + CLAIM_MS).await? {
            send(worker, row, now_ms).await?;
        }
    }
    Ok(rows.len())
}

async fn send(worker: &Worker, row: &MailRow, now_ms: i64) -> Result<()> {
    let plain = worker.secrets.open(&columns::OUTGOING_MAIL, &[&row.id], &row.message)?;
    let message: Message = serde_json::from_slice(&plain)
        .map_err(|fault| Error::internal(format!("a message that waits is unreadable: {fault}")))?;
    let outcome = worker.smtp.send(&row.id, message, row.created_at).await;
    let mut conn = worker.storage.conn().await?;
    match outcome {
        Outcome::Sent => rows::delete(&mut conn, &row.id).await,
        Outcome::Delayed(fault) if now_ms - row.created_at < PATIENCE_MS => {
            debug!(mail.id = row.id, fault, "A message could not be sent yet");
            let (first, longest) = RETRY_MS;
            let wait = first.saturating_mul(1 << row.attempts.clamp(0, 20)).min(longest);
            rows::delay(&mut conn, &row.id, worker.clock.now_ms() + wait).await
        }
        Outcome::Delayed(fault) | Outcome::Refused(fault) => {
            warn!(mail.id = row.id, fault, "A message was given up");
            rows::delete(&mut conn, &row.id).await
        }
    }
}
