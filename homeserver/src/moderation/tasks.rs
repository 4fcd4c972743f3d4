//! What administrators have asked for lately that takes its time.

use serde_json::{Map, Value};

use super::{Moderation, errands::Kind};
use crate::{
    Result,
    storage::errands::{self, State},
};

/// So many are told of.
const MOST: u32 = 1000;

/// Something that takes its time.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its ID.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// Whom or what it concerns.
    pub subject: String,
    /// How far it has come.
    pub state: State,
    /// The same in detail: a JSON object.
    pub progress: String,
    /// Why it could not be done, if it could not.
    pub error: Option<String>,
    /// When that was noted, in ms since the epoch.
    pub updated_at: i64,
}

impl Moderation {
    /// The latest tasks, the newest first.
    pub async fn tasks(&self) -> Result<Vec<Task>> {
        let errands = errands::list_all(&mut *self.conn().await?, MOST).await?;
        let task = |errand: errands::Errand| {
            let kind = [Kind::Redaction, Kind::Shutdown, Kind::History];
            let kind = kind.into_iter().find(|kind| *kind as i8 == errand.kind)?;
            let progress: Map<String, Value> = serde_json::from_str(&errand.progress).unwrap_or_default();
            let error = progress.get("error").and_then(Value::as_str).map(ToOwned::to_owned);
            Some(Task {
                id: errand.id,
                kind,
                subject: errand.subject,
                state: errand.state,
                progress: errand.progress,
                error,
                updated_at: errand.updated_at,
            })
        };
        Ok(errands.into_iter().filter_map(task).collect())
    }
}
