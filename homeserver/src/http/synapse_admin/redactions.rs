//! Redacting what a user said.

use std::collections::BTreeMap;

use ruma::{OwnedEventId, OwnedRoomId};
use serde::{Deserialize, Serialize};

use super::Call;
use crate::{App, Result, moderation::RedactionRequest, storage::errands::State};

#[derive(Serialize)]
pub(super) struct Begun {
    redact_id: String,
}

/// `POST /_synapse/admin/v1/user/{user_id}/redact`
pub(super) async fn redact(app: App, call: Call) -> Result<Begun> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        rooms: Vec<OwnedRoomId>,
        reason: Option<String>,
        limit: Option<u32>,
        use_admin: Option<bool>,
        after_ts: Option<i64>,
        before_ts: Option<i64>,
    }
    let body: Body = call.body()?;
    let request = RedactionRequest {
        rooms: body.rooms,
        reason: body.reason,
        limit: body.limit,
        is_by_administrator: body.use_admin.unwrap_or(false),
        after_ms: body.after_ts,
        before_ms: body.before_ts,
    };
    Ok(Begun { redact_id: app.moderation.redact(&call.caller, &call.user(0)?, &request).await? })
}

#[derive(Serialize)]
pub(super) struct Status {
    status: &'static str,
    failed_redactions: BTreeMap<OwnedEventId, String>,
    /// What Synapse does not tell.
    redacted: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// `GET /_synapse/admin/v1/user/redact_status/{redact_id}`
pub(super) async fn status(app: App, call: Call) -> Result<Status> {
    let status = app.moderation.redaction(&call.args[0]).await?;
    Ok(Status {
        status: word(status.state),
        failed_redactions: status.failed,
        redacted: status.redacted,
        error: status.error,
    })
}

/// How far something has come, in a word.
pub(super) fn word(state: State) -> &'static str {
    match state {
        State::Scheduled => "scheduled",
        State::Active => "active",
        State::Complete => "complete",
        State::Failed => "failed",
    }
}
