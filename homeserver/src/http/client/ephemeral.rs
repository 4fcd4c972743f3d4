//! Typing, receipts, read markers and presence.

use bytes::Bytes;
use ruma::api::client::{
    presence::{get_presence, set_presence},
    read_marker::set_read_marker,
    receipt::create_receipt::{self, v3::ReceiptType},
    typing::create_typing_event::{self, v3::Typing},
};
use serde_json::Value;

use crate::{
    App, Error, Result,
    ephemeral::{receipts::Markers, typing::USUAL_MS},
    http::endpoint::Ruma,
    json,
};

/// Adds how long somebody is typing who does not say, because ruma demands it.
pub fn with_timeout(body: Bytes) -> Result<Bytes> {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(&body) else { return Ok(body) };
    if members.get("typing") != Some(&Value::Bool(true)) || members.contains_key("timeout") {
        return Ok(body);
    }
    members.insert("timeout".to_owned(), USUAL_MS.into());
    Ok(Value::Object(members).to_string().into())
}

/// `PUT /_matrix/client/v3/rooms/{roomId}/typing/{userId}`
pub async fn typing(
    app: App,
    req: Ruma<create_typing_event::v3::Request>,
) -> Result<create_typing_event::v3::Response> {
    let create_typing_event::v3::Request { room_id, user_id, state, .. } = req.body;
    let duration = match state {
        Typing::Yes(typing) => Some(typing.timeout),
        Typing::No => None,
    };
    app.typing.set(&req.caller, &room_id, &user_id, duration).await?;
    app.presence.act(&req.caller);
    Ok(create_typing_event::v3::Response::new())
}

/// Refuses a `thread_id` that is not a string with the error code that the specification has for it.
pub fn with_valid_thread(body: Bytes) -> Result<Bytes> {
    match serde_json::from_slice(&body) {
        Ok(Value::Object(members)) if members.get("thread_id").is_some_and(|thread| !thread.is_string()) => {
            Err(Error::invalid_param("thread_id is not a string."))
        }
        _ => Ok(body),
    }
}

/// `POST /_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}`
pub async fn receipt(app: App, req: Ruma<create_receipt::v3::Request>) -> Result<create_receipt::v3::Response> {
    let create_receipt::v3::Request { room_id, receipt_type, event_id, thread, .. } = req.body;
    let mut markers = Markers { thread: thread.as_str().map(ToOwned::to_owned), ..Markers::default() };
    let place = match receipt_type {
        ReceiptType::Read => &mut markers.read,
        ReceiptType::ReadPrivate => &mut markers.read_private,
        ReceiptType::FullyRead => &mut markers.fully_read,
        _ => return Err(Error::invalid_param("There is no such type of receipt.")),
    };
    *place = Some(event_id);
    app.receipts.mark(&req.caller, &room_id, markers).await?;
    app.presence.act(&req.caller);
    Ok(create_receipt::v3::Response::new())
}

/// `POST /_matrix/client/v3/rooms/{roomId}/read_markers`
pub async fn read_markers(app: App, req: Ruma<set_read_marker::v3::Request>) -> Result<set_read_marker::v3::Response> {
    let set_read_marker::v3::Request { room_id, fully_read, read_receipt, private_read_receipt, .. } = req.body;
    let markers = Markers { read: read_receipt, read_private: private_read_receipt, fully_read, thread: None };
    app.receipts.mark(&req.caller, &room_id, markers).await?;
    app.presence.act(&req.caller);
    Ok(set_read_marker::v3::Response::new())
}

/// `PUT /_matrix/client/v3/presence/{userId}/status`
pub async fn set_presence(app: App, req: Ruma<set_presence::v3::Request>) -> Result<set_presence::v3::Response> {
    let set_presence::v3::Request { user_id, presence, status_msg, .. } = req.body;
    app.presence.set(&req.caller, &user_id, &presence, status_msg.as_deref()).await?;
    Ok(set_presence::v3::Response::new())
}

/// `GET /_matrix/client/v3/presence/{userId}/status`
pub async fn presence(app: App, req: Ruma<get_presence::v3::Request>) -> Result<String> {
    let seen = app.presence.status(&req.caller, &req.body.user_id).await?;
    Ok(json::object(|answer| seen.write(answer)))
}
