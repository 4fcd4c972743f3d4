//! What people are told in the name of the server.

use ruma::{OwnedEventId, OwnedUserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Call;
use crate::{App, Result, moderation::Notice};

#[derive(Deserialize)]
struct Body {
    user_id: OwnedUserId,
    content: Map<String, Value>,
    #[serde(rename = "type")]
    kind: Option<String>,
    state_key: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Sent {
    event_id: OwnedEventId,
}

/// `POST /_synapse/admin/v1/send_server_notice`, and `PUT` with a transaction ID
pub(super) async fn send(app: App, call: Call) -> Result<Sent> {
    let body: Body = call.body()?;
    let notice = Notice {
        kind: body.kind.unwrap_or_else(|| "m.room.message".to_owned()),
        state_key: body.state_key,
        content: body.content,
        txn_id: call.args.first().cloned(),
    };
    Ok(Sent { event_id: app.moderation.tell(&call.caller, &body.user_id, notice).await? })
}
