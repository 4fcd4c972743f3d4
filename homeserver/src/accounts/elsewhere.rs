//! Changes of accounts by other processes on the same database: the commands that operators run.

use std::time::Duration;

use tracing::info;

use super::{administration::Administration, sessions::Sessions};
use crate::{
    Result, secrets,
    storage::{Conn, Storage, settings},
    tasks::Tasks,
};

/// Has another value after each change.
const SETTING: &str = "accounts_changed";
/// A change takes effect within this time.
const INTERVAL: Duration = Duration::from_secs(1);

/// Tells all processes.
pub(super) async fn tell(conn: &mut Conn, now_ms: i64) -> Result<()> {
    settings::replace(conn, SETTING, secrets::identifier(16).as_bytes(), now_ms).await
}

/// Looks for changes all the time, and makes this process read what it remembers anew.
pub(super) fn watch(storage: Storage, sessions: Sessions, administration: Administration, tasks: &Tasks) {
    tasks.start("accounts elsewhere", move |stop| {
        let (storage, sessions, administration) = (storage.clone(), sessions.clone(), administration.clone());
        async move {
            let mut known = None;
            loop {
                // While the database is away there are no changes either.
                if let Ok(found) = look(&storage).await
                    && known.replace(found.clone()).is_some_and(|known| known != found)
                {
                    info!("Accounts were changed by a command");
                    sessions.forget_all();
                    administration.ring_for_departures();
                }
                tokio::select! {
                    () = tokio::time::sleep(INTERVAL) => {}
                    () = stop.cancelled() => return,
                }
            }
        }
    });
}

async fn look(storage: &Storage) -> Result<Option<Vec<u8>>> {
    settings::find(&mut *storage.conn().await?, SETTING).await
}
