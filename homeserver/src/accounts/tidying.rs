//! Deletes what has expired, from time to time. Nothing depends on when that happens.

use std::time::Duration;

use tracing::warn;

use crate::{
    Result,
    clock::Clock,
    storage::{Storage, browser_sessions, emails, factors, identities, interactive_auth, oauth, tokens},
    tasks::Tasks,
};

/// How often.
const INTERVAL: Duration = Duration::from_secs(600);

/// How long an application is remembered that has no session, in milliseconds.
const UNUSED_CLIENT_MS: i64 = 30 * 24 * 3600 * 1000;

/// Starts the task.
pub(super) fn start(storage: Storage, clock: Clock, tasks: &Tasks) {
    tasks.start("tidying accounts", move |stop| {
        let (storage, clock) = (storage.clone(), clock.clone());
        async move {
            loop {
                if let Err(error) = tidy(&storage, clock.now_ms()).await {
                    warn!(%error, "What has expired could not be deleted");
                }
                tokio::select! {
                    () = tokio::time::sleep(INTERVAL) => {}
                    () = stop.cancelled() => return,
                }
            }
        }
    });
}

/// Deletes in small portions, so that nobody waits for long.
async fn tidy(storage: &Storage, now_ms: i64) -> Result<()> {
    let mut conn = storage.conn().await?;
    while tokens::delete_expired(&mut conn, now_ms).await? > 0 {}
    while interactive_auth::delete_expired(&mut conn, now_ms).await? > 0 {}
    while emails::delete_expired(&mut conn, now_ms).await? > 0 {}
    while factors::delete_expired_enrolments(&mut conn, now_ms).await? > 0 {}
    while browser_sessions::delete_expired(&mut conn, now_ms).await? > 0 {}
    while identities::delete_expired(&mut conn, now_ms).await? > 0 {}
    while oauth::delete_expired(&mut conn, now_ms).await? > 0 {}
    while oauth::clients::delete_unused(&mut conn, now_ms - UNUSED_CLIENT_MS).await? > 0 {}
    Ok(())
}
