//! Deletes what end-to-end encryption does not need any more.

use std::time::Duration;

use crate::{
    Result,
    clock::Clock,
    storage::{Storage, device_lists, to_device},
    tasks::Tasks,
};

/// How often that is done.
const PERIOD: Duration = Duration::from_secs(3600);
/// How long a request to send messages to devices is remembered in case it is repeated.
const TRANSACTIONS_MS: i64 = 24 * 3_600_000;

/// Starts the task. It does no harm if several processes have one.
pub fn start(storage: Storage, clock: Clock, tasks: &Tasks) {
    tasks.start("encryption housekeeping", move |stop| {
        let (storage, clock) = (storage.clone(), clock.clone());
        async move {
            while stop.run_until_cancelled(tokio::time::sleep(PERIOD)).await.is_some() {
                if let Err(error) = clean_up(&storage, &clock).await {
                    tracing::warn!(%error, "What is not needed any more could not be deleted; it is tried again later");
                }
            }
        }
    });
}

/// Does it once.
pub async fn clean_up(storage: &Storage, clock: &Clock) -> Result<()> {
    let mut conn = storage.conn().await?;
    to_device::delete_transactions(&mut conn, clock.now_ms() - TRANSACTIONS_MS).await?;
    device_lists::delete_superseded(&mut conn).await
}
