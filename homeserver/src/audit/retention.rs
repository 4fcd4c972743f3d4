//! Deletes what is old: first from where things were done, later the rows themselves. Where the rest
//! of the log begins is noted, so that it can still be checked.

use std::time::Duration;

use tracing::warn;

use super::{
    chain,
    event::{Action, Actor, Event},
    writer::Pending,
};
use crate::{
    Error, Result,
    clock::Clock,
    config,
    secrets::Secrets,
    storage::{
        Storage,
        audit::{self as rows, Which},
    },
    tasks::Tasks,
};

/// How often.
const INTERVAL: Duration = Duration::from_secs(3600);
/// At most so many rows are deleted in one transaction.
const PORTION: i64 = 1000;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// How old what may become.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ages {
    rows_ms: Option<i64>,
    origins_ms: i64,
}

/// Starts the task.
pub(super) fn start(storage: Storage, secrets: Secrets, clock: Clock, rules: &config::Audit, tasks: &Tasks) {
    let days = |days: u32| i64::from(days) * DAY_MS;
    let ages = Ages {
        rows_ms: (rules.retention_days > 0).then(|| days(rules.retention_days)),
        origins_ms: days(rules.address_retention_days),
    };
    tasks.start("audit retention", move |stop| {
        let (storage, secrets, clock) = (storage.clone(), secrets.clone(), clock.clone());
        async move {
            loop {
                if let Err(error) = prune(&storage, &secrets, clock.now_ms(), ages).await {
                    warn!(%error, "The audit log could not be tidied");
                }
                tokio::select! {
                    () = tokio::time::sleep(INTERVAL) => {}
                    () = stop.cancelled() => return,
                }
            }
        }
    });
}

/// Deletes what is too old now.
pub(super) async fn prune(storage: &Storage, secrets: &Secrets, now_ms: i64, ages: Ages) -> Result<()> {
    let mut conn = storage.conn().await?;
    if let Some(last) = rows::newest_before(&mut conn, now_ms - ages.origins_ms).await? {
        while rows::delete_origins_until(&mut conn, last).await? > 0 {}
    }
    let Some(age) = ages.rows_ms else { return Ok(()) };
    let last = rows::newest_before(&mut conn, now_ms - age).await?;
    drop(conn);
    let Some(last) = last else { return Ok(()) };
    let mut deleted = 0;
    loop {
        let portion = storage.retry(|| delete_portion(storage, secrets, last)).await?;
        deleted += portion;
        if portion == 0 {
            break;
        }
    }
    if deleted > 0 {
        let event = Event::new(Action::LogPruned, Actor::server()).detail("rows", deleted).detail("until", last);
        let mut tx = storage.begin().await?;
        chain::append(&mut tx, secrets, &[Pending { at_ms: now_ms, event }]).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Deletes some of the rows up to the one numbered `last`; returns how many.
async fn delete_portion(storage: &Storage, secrets: &Secrets, last: i64) -> Result<i64> {
    let mut tx = storage.begin().await?;
    // Whoever tidies at the same time waits here.
    rows::lock_newest(&mut tx).await?;
    let pruned = rows::end(&mut tx, Which::Pruned).await?;
    let until = last.min(pruned.seq + PORTION);
    if until <= pruned.seq {
        return Ok(0);
    }
    let hash = rows::find_hash(&mut tx, until).await?;
    let hash = hash.ok_or_else(|| Error::internal(format!("row {until} of the audit log is missing")))?;
    rows::delete_until(&mut tx, until).await?;
    rows::update_end(&mut tx, Which::Pruned, &chain::sign(secrets, Which::Pruned, until, hash)).await?;
    tx.commit().await?;
    Ok(until - pruned.seq)
}
