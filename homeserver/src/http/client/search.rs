//! Searching in rooms.

use ruma::api::client::search::search_events;

use crate::{App, Result, http::endpoint::Ruma};

/// `POST /_matrix/client/v3/search`
pub async fn search(app: App, req: Ruma<search_events::v3::Request>) -> Result<String> {
    let Some(criteria) = req.body.search_categories.room_events else {
        return Ok(r#"{"search_categories":{}}"#.to_owned());
    };
    // Who does not ask for context gets none; ruma does not tell that from asking for the usual.
    let body: serde_json::Value = serde_json::from_slice(&req.raw).unwrap_or_default();
    let has_context = body.pointer("/search_categories/room_events/event_context").is_some();
    app.search.search(&req.caller, criteria, has_context, req.body.next_batch.as_deref()).await
}
