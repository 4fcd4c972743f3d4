//! Works through the jobs, one after the other, in the order in which they are due.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{Act, Actions, Job, State, perform::Outcome};
use crate::{
    Result,
    storage::{cases, jobs},
};

/// Jobs that are read at a time.
const BATCH: u32 = 50;
/// The clock is looked at so often when nothing else happens.
const LOOK: Duration = Duration::from_secs(1);
/// How long to wait before something is tried again, at first and at most, in milliseconds.
const DELAY_MS: (i64, i64) = (500, 300_000);

impl Actions {
    pub(super) async fn work(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let worked = tokio::select! {
                worked = self.work_off() => worked,
                () = stop.cancelled() => return,
            };
            match worked {
                Ok(true) => continue,
                Ok(false) => {}
                Err(fault) => warn!(error = %fault, "The jobs wait"),
            }
            tokio::select! {
                () = self.signals.work.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Does what is due; says whether there was something.
    async fn work_off(&self) -> Result<bool> {
        let due = jobs::list_due(&mut *self.storage.conn().await?, self.clock.now_ms(), BATCH).await?;
        for job in &due {
            self.work_on(job).await?;
            self.signals.progress.notify_waiters();
        }
        Ok(!due.is_empty())
    }

    async fn work_on(&self, job: &Job) -> Result<()> {
        let mut conn = self.storage.conn().await?;
        let Some(case) = cases::find(&mut conn, &job.case_id).await? else { return Ok(()) };
        if !jobs::begin(&mut conn, &job.job_id).await? {
            return Ok(());
        }
        drop(conn);
        let performed = self.perform(job, &case).await;
        let now_ms = self.clock.now_ms();
        let (state, outcome) = match performed {
            Ok(done) => done,
            Err(fault) if fault.is_temporary() => {
                let until = now_ms + delay_ms(job.attempts);
                debug!(job.id = job.job_id, error = %fault, "A job is put off");
                return jobs::put_off(&mut *self.storage.conn().await?, &job.job_id, until).await;
            }
            Err(fault) => {
                warn!(job.id = job.job_id, job.kind = job.kind, error = %fault, "A job cannot be done");
                (State::Failed, Outcome { refusal: Some(fault.to_string()), ..Outcome::default() })
            }
        };
        if state == State::Done {
            info!(job.id = job.job_id, job.kind = job.kind, case.id = job.case_id, "A job is done");
        }
        let outcome = serde_json::to_vec(&outcome).map_err(anyhow::Error::from)?;
        let kept = match Act::read(&job.act)?.forgetful() {
            Some(act) => serde_json::to_vec(&act).map_err(anyhow::Error::from)?,
            None => job.act.clone(),
        };
        let finished = jobs::Finished { state, act: &kept, outcome: &outcome };
        jobs::finish(&mut *self.storage.conn().await?, &job.job_id, &finished, now_ms).await
    }
}

/// How long to wait after so many attempts.
fn delay_ms(attempts: i32) -> i64 {
    let (first, most) = DELAY_MS;
    first.saturating_mul(1 << attempts.clamp(0, 20)).min(most)
}
