//! Does what takes its time. An errand stands in the database before anybody is told that it was begun; a
//! process claims it for a short time, again and again while it works on it, so that another, or the next
//! start of the server, takes it up if that one dies. Each kind of errand can be begun anew at any moment.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Moderation;
use crate::{
    Error, Result,
    accounts::User,
    audit::Event,
    secrets,
    storage::errands::{self, Errand, State},
    tasks::Tasks,
};

/// So many errands are done at a time.
const WORKERS: usize = 2;
/// How long a process that dies keeps others from going on, in milliseconds.
const CLAIM_MS: i64 = 30_000;
/// How often a claim is renewed.
const RENEWAL: Duration = Duration::from_secs(8);
/// How often it is looked for errands that another process has left undone.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// How long to rest when the database does not answer.
const REST: Duration = Duration::from_secs(2);
/// How long it can be asked what became of an errand, in milliseconds.
const KEPT_MS: i64 = 7 * 24 * 3600 * 1000;

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Redacting what a user said.
    Redaction = 1,
    /// Shutting a room down.
    Shutdown = 2,
    /// Forgetting what was said in a room.
    History = 3,
}

/// Starts the tasks.
pub(super) fn start(moderation: &Moderation, tasks: &Tasks) {
    for _ in 0..WORKERS {
        let moderation = moderation.clone();
        tasks.start("errands", move |stop| {
            let moderation = moderation.clone();
            async move { moderation.do_errands(stop).await }
        });
    }
}

impl Moderation {
    /// Writes an errand down, with the record of who wants it; returns its ID.
    pub(super) async fn begin(
        &self,
        caller: &User,
        kind: Kind,
        subject: &str,
        (request, progress): (&impl Serialize, &impl Serialize),
        event: Event,
    ) -> Result<String> {
        let errand = Errand {
            id: secrets::identifier(16),
            kind: kind as i8,
            subject: subject.to_owned(),
            caller: caller.nid,
            caller_id: caller.id.clone(),
            state: State::Scheduled,
            request: text(request)?,
            progress: text(progress)?,
            created_at: self.now_ms(),
            updated_at: self.now_ms(),
        };
        let event = event.detail("errand", errand.id.as_str());
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                errands::insert(&mut tx, &errand).await?;
                self.note(&mut tx, &event).await?;
                Ok(tx.commit().await?)
            })
            .await?;
        self.bell.notify_one();
        Ok(errand.id)
    }

    /// An errand of a kind.
    pub(super) async fn errand(&self, kind: Kind, id: &str) -> Result<Errand> {
        let found = errands::find(&mut *self.conn().await?, kind as i8, id).await?;
        found.ok_or_else(|| Error::not_found("There is no such task, or it ended long ago."))
    }

    /// An errand of a kind, when it has come to its end.
    pub(super) async fn completed(&self, kind: Kind, id: &str) -> Result<Errand> {
        loop {
            let ended = self.ended.notified();
            let errand = self.errand(kind, id).await?;
            if matches!(errand.state, State::Complete | State::Failed) {
                return Ok(errand);
            }
            // Another process may do it.
            let _ = tokio::time::timeout(Duration::from_secs(1), ended).await;
        }
    }

    /// Notes how far an errand has come.
    pub(super) async fn advance(&self, errand: &Errand, progress: &impl Serialize) -> Result<()> {
        let progress = text(progress)?;
        errands::update(&mut *self.conn().await?, &errand.id, State::Active, &progress, self.now_ms()).await
    }

    async fn do_errands(&self, stop: CancellationToken) {
        loop {
            let rest = match self.do_one(&stop).await {
                Ok(true) => continue,
                Ok(false) => LOOK_AGAIN,
                Err(error) => {
                    warn!(%error, "The tasks of administrators wait");
                    REST
                }
            };
            tokio::select! {
                () = self.bell.notified() => {}
                () = tokio::time::sleep(rest) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Does an errand, if there is one that nobody does; tells whether there was.
    async fn do_one(&self, stop: &CancellationToken) -> Result<bool> {
        if stop.is_cancelled() {
            return Ok(false);
        }
        let mut conn = self.conn().await?;
        let now_ms = self.now_ms();
        let Some(errand) = errands::next(&mut conn, now_ms).await? else {
            errands::delete_old(&mut conn, now_ms - KEPT_MS).await?;
            return Ok(false);
        };
        if !errands::claim(&mut conn, &errand.id, now_ms, now_ms + CLAIM_MS).await? {
            return Ok(true);
        }
        drop(conn);
        // There may be another one for somebody else to do.
        self.bell.notify_one();
        let mut work = std::pin::pin!(self.perform(&errand));
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                () = tokio::time::sleep(RENEWAL) => self.claim_until(&errand, self.now_ms() + CLAIM_MS).await?,
                () = stop.cancelled() => {
                    self.claim_until(&errand, 0).await?;
                    return Ok(false);
                }
            }
        };
        self.end(&errand, outcome).await?;
        Ok(true)
    }

    async fn claim_until(&self, errand: &Errand, until: i64) -> Result<()> {
        errands::update_claim(&mut *self.conn().await?, &errand.id, until).await
    }

    async fn perform(&self, errand: &Errand) -> Result<()> {
        match errand.kind {
            kind if kind == Kind::Redaction as i8 => self.redact_all(errand).await,
            kind if kind == Kind::Shutdown as i8 => self.shut_down(errand).await,
            kind if kind == Kind::History as i8 => self.purge_history(errand).await,
            kind => Err(Error::internal(format!("there is no errand of the kind {kind}"))),
        }
    }

    async fn end(&self, errand: &Errand, outcome: Result<()>) -> Result<()> {
        let (state, message) = match outcome {
            Ok(()) => (State::Complete, None),
            // It is taken up again when the claim has run out.
            Err(error @ Error::Unavailable(..)) => return Err(error),
            Err(Error::Internal(cause)) => {
                warn!(cause = format!("{cause:#}"), errand.id, "A task of an administrator failed");
                (State::Failed, Some("Something went wrong on this server. It has been noted.".to_owned()))
            }
            Err(refusal) => (State::Failed, Some(sentence(&refusal))),
        };
        let mut conn = self.conn().await?;
        let kept = errands::find(&mut conn, errand.kind, &errand.id).await?;
        let mut progress: serde_json::Map<String, serde_json::Value> =
            kept.and_then(|kept| serde_json::from_str(&kept.progress).ok()).unwrap_or_default();
        if let Some(message) = message {
            progress.insert("error".to_owned(), message.into());
        }
        errands::update(&mut conn, &errand.id, state, &text(&progress)?, self.now_ms()).await?;
        info!(errand.id, is_complete = state == State::Complete, "A task of an administrator ended");
        self.ended.notify_waiters();
        Ok(())
    }
}

/// What is told of a refusal.
pub(super) fn sentence(refusal: &Error) -> String {
    match refusal {
        Error::Refused { message, .. } => message.clone().into_owned(),
        Error::Denied(denial) => denial.message.clone().into_owned(),
        other => other.to_string(),
    }
}

/// What is stored of a request or of progress.
pub(super) fn parse<T: DeserializeOwned>(stored: &str) -> Result<T> {
    serde_json::from_str(stored).map_err(|fault| Error::internal(format!("an errand cannot be read: {fault}")))
}

fn text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|fault| Error::internal(format!("an errand cannot be written: {fault}")))
}
