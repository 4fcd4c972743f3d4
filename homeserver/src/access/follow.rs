//! Follows the rules: takes note of changes by other processes, cuts off whom new rules refuse, and
//! stores what was counted.

use tracing::{info, warn};

use super::{
    live::Live,
    rulebook::{INTERVAL, Rulebook},
};
use crate::{Result, clock::Clock, tasks::Tasks};

/// Counts are stored once in so many looks.
const LOOKS_PER_STORE: u32 = 20;

/// Starts the task.
pub(super) fn start(rulebook: Rulebook, live: Live, clock: Clock, tasks: &Tasks) {
    tasks.start("access rules", move |stop| {
        let (rulebook, live, clock) = (rulebook.clone(), live.clone(), clock.clone());
        async move {
            let mut changes = rulebook.watch();
            let mut looks = 0;
            loop {
                let is_changed = tokio::select! {
                    changed = changes.changed() => changed.is_ok(),
                    () = tokio::time::sleep(INTERVAL) => false,
                    () = stop.cancelled() => return,
                };
                // The end of a rule can be the end of a hole in another.
                let now_ms = clock.now_ms();
                let is_over = rulebook.current().next_expiry().is_some_and(|expiry| expiry <= now_ms);
                if is_changed || is_over {
                    cut_off(&live)
                        .await
                        .unwrap_or_else(|error| warn!(%error, "Nobody could be cut off by the access rules"));
                }
                if is_over {
                    rulebook
                        .forget_expired()
                        .await
                        .unwrap_or_else(|error| warn!(%error, "Rules could not be sorted out"));
                }
                if let Err(error) = rulebook.refresh().await {
                    // The rules that are known stay in force.
                    warn!(%error, "Changes of the access rules could not be read");
                }
                looks += 1;
                if looks % LOOKS_PER_STORE == 0
                    && let Err(error) = rulebook.store_hits().await
                {
                    warn!(%error, "How often access rules decide could not be stored");
                }
            }
        }
    });
}

async fn cut_off(live: &Live) -> Result<()> {
    let count = live.review().await?;
    if count > 0 {
        info!(requests = count, "A change of the access rules cut requests off");
    }
    Ok(())
}
