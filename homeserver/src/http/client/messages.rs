//! Sending events and reading timelines.

mod lenient;

use ruma::{
    api::client::{
        context::get_context,
        message::send_message_event,
        redact::redact_event,
        room::{get_event_by_timestamp, get_room_event},
    },
    events::TimelineEventType,
};
use serde_json::json;

use self::lenient::{Messages, SendOnce};
use crate::{App, Result, http::endpoint::Ruma, rooms::draft::Wish, rooms::timeline::Direction};

/// `PUT /_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}`
pub async fn send(app: App, req: Ruma<send_message_event::v3::Request>) -> Result<send_message_event::v3::Response> {
    let send_message_event::v3::Request { room_id, txn_id, event_type, body, timestamp, .. } = req.body;
    let caller = req.caller.at(timestamp.map(|timestamp| timestamp.0.into()));
    let wish = Wish::message(TimelineEventType::from(event_type.to_string()), body.into_json());
    let event_id = app.posting.send(&caller, &room_id, wish, Some(txn_id.as_str())).await?;
    app.presence.act(&caller);
    Ok(send_message_event::v3::Response::new(event_id))
}

/// `POST /_matrix/client/v3/rooms/{roomId}/send/{eventType}`, as there was before transaction IDs.
pub async fn send_once(app: App, req: Ruma<SendOnce>) -> Result<send_message_event::v3::Response> {
    let SendOnce { room_id, event_type, content } = req.body;
    let event_id = app.posting.send(&req.caller, &room_id, Wish::message(event_type, content), None).await?;
    app.presence.act(&req.caller);
    Ok(send_message_event::v3::Response::new(event_id))
}

/// `PUT /_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}`
pub async fn redact(app: App, req: Ruma<redact_event::v3::Request>) -> Result<redact_event::v3::Response> {
    let redact_event::v3::Request { room_id, event_id, txn_id, reason, .. } = req.body;
    let content = reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
    let mut wish = Wish::state_of("m.room.redaction", "", &content)?;
    wish.state_key = None;
    wish.redacts = Some(event_id);
    let event_id = app.posting.send(&req.caller, &room_id, wish, Some(txn_id.as_str())).await?;
    Ok(redact_event::v3::Response::new(event_id))
}

/// `GET /_matrix/client/v3/rooms/{roomId}/messages`
pub async fn messages(app: App, req: Ruma<Messages>) -> Result<String> {
    app.reading.messages(&req.caller, req.body.request, req.body.relations).await
}

/// `GET /_matrix/client/v3/rooms/{roomId}/context/{eventId}`
pub async fn context(app: App, req: Ruma<get_context::v3::Request>) -> Result<String> {
    app.reading.context(&req.caller, req.body).await
}

/// `GET /_matrix/client/v3/rooms/{roomId}/event/{eventId}`
pub async fn event(app: App, req: Ruma<get_room_event::v3::Request>) -> Result<String> {
    app.reading.event(&req.caller, &req.body.room_id, &req.body.event_id).await
}

/// `GET /_matrix/client/v1/rooms/{roomId}/timestamp_to_event`
pub async fn event_at(
    app: App,
    req: Ruma<get_event_by_timestamp::v1::Request>,
) -> Result<get_event_by_timestamp::v1::Response> {
    let get_event_by_timestamp::v1::Request { room_id, ts, dir, .. } = req.body;
    let direction = match dir {
        ruma::api::Direction::Forward => Direction::Forward,
        ruma::api::Direction::Backward => Direction::Backward,
    };
    let event = app.rooms.event_at(&req.caller, &room_id, ts.0.into(), direction).await?;
    Ok(get_event_by_timestamp::v1::Response::new(event.id().to_owned(), event.pdu.origin_server_ts))
}
