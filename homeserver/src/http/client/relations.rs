//! Events that relate to others, and threads.

use ruma::api::client::{
    relations::{
        get_relating_events, get_relating_events_with_rel_type, get_relating_events_with_rel_type_and_event_type,
    },
    threads::get_threads::{self, v1::IncludeThreads},
};

use crate::{App, Result, http::endpoint::Ruma, reading::relations::Asked};

/// `GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}`
pub async fn all(app: App, req: Ruma<get_relating_events::v1::Request>) -> Result<String> {
    let get_relating_events::v1::Request { room_id, event_id, from, dir, to, limit, recurse, .. } = req.body;
    let limit = limit.map(Into::into);
    let asked = Asked { room_id, event_id, rel_type: None, event_type: None, from, to, limit, dir, recurse };
    app.reading.relations(&req.caller, asked).await
}

/// `GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}`
pub async fn of_type(app: App, req: Ruma<get_relating_events_with_rel_type::v1::Request>) -> Result<String> {
    let get_relating_events_with_rel_type::v1::Request {
        room_id,
        event_id,
        rel_type,
        from,
        dir,
        to,
        limit,
        recurse,
        ..
    } = req.body;
    let (rel_type, limit) = (Some(rel_type.to_string()), limit.map(Into::into));
    let asked = Asked { room_id, event_id, rel_type, event_type: None, from, to, limit, dir, recurse };
    app.reading.relations(&req.caller, asked).await
}

/// `GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}/{eventType}`
pub async fn of_types(
    app: App,
    req: Ruma<get_relating_events_with_rel_type_and_event_type::v1::Request>,
) -> Result<String> {
    let get_relating_events_with_rel_type_and_event_type::v1::Request {
        room_id,
        event_id,
        rel_type,
        event_type,
        from,
        dir,
        to,
        limit,
        recurse,
        ..
    } = req.body;
    let (rel_type, event_type) = (Some(rel_type.to_string()), Some(event_type.to_string()));
    let asked = Asked { room_id, event_id, rel_type, event_type, from, to, limit: limit.map(Into::into), dir, recurse };
    app.reading.relations(&req.caller, asked).await
}

/// `GET /_matrix/client/v1/rooms/{roomId}/threads`
pub async fn threads(app: App, req: Ruma<get_threads::v1::Request>) -> Result<String> {
    let get_threads::v1::Request { room_id, from, include, limit, .. } = req.body;
    let is_participant = include == IncludeThreads::Participated;
    app.reading.threads(&req.caller, &room_id, is_participant, from.as_deref(), limit.map(Into::into)).await
}
