//! The tasks of administrators that take their time.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Call, redactions::word};
use crate::{
    App, Result,
    moderation::{Task, TaskKind},
};

#[derive(Deserialize)]
struct Query {
    action_name: Option<String>,
    resource_id: Option<String>,
    status: Option<String>,
    max_timestamp: Option<i64>,
}

impl Query {
    fn wants(&self, task: &Scheduled) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        is(&self.action_name, task.action)
            && is(&self.resource_id, &task.resource_id)
            && is(&self.status, task.status)
            && self.max_timestamp.is_none_or(|most| task.timestamp_ms <= most)
    }
}

#[derive(Serialize)]
struct Scheduled {
    id: String,
    action: &'static str,
    status: &'static str,
    timestamp_ms: i64,
    resource_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<Task> for Scheduled {
    fn from(task: Task) -> Self {
        Self {
            id: task.id,
            action: match task.kind {
                TaskKind::Redaction => "redact_all_events",
                TaskKind::Shutdown => "shutdown_and_purge_room",
                TaskKind::History => "purge_history",
            },
            status: word(task.state),
            timestamp_ms: task.updated_at,
            resource_id: task.subject,
            result: RawValue::from_string(task.progress).ok(),
            error: task.error,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Tasks {
    scheduled_tasks: Vec<Scheduled>,
}

/// `GET /_synapse/admin/v1/scheduled_tasks`
pub(super) async fn list(app: App, call: Call) -> Result<Tasks> {
    let query: Query = call.query()?;
    let tasks = app.moderation.tasks().await?.into_iter().map(Scheduled::from);
    Ok(Tasks { scheduled_tasks: tasks.filter(|task| query.wants(task)).collect() })
}
