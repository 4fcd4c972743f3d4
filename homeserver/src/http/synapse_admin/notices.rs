//! Notices to users.

use ruma::{OwnedEventId, OwnedUserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Call;
use crate::{App, Result, moderation::Notice};

#[derive(Serialize)]
pub(super) struct Sent {
    event_id: OwnedEventId,
}

/// `POST /_synapse/admin/v1/send_server_notice`, `PUT /_synapse/admin/v1/send_server_notice/{txn_id}`
pub(super) async fn send(app: App, call: Call) -> Result<Sent> {
    #[derive(Deserialize)]
    struct Body {
        user_id: OwnedUserId,
        content: Box<RawValue>,
        #[serde(rename = "type")]
        kind: Option<String>,
        state_key: Option<String>,
    }
    let Body { user_id, content, kind, state_key } = call.body()?;
    let kind = kind.unwrap_or_else(|| "m.room.message".to_owned());
    let txn_id = call.args.first().map(String::as_str);
    let notice = Notice { kind, state_key, content };
    Ok(Sent { event_id: app.moderation.tell(&call.caller, &user_id, notice, txn_id).await? })
}
