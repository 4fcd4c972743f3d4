//! `/sync`.

use ruma::api::client::sync::sync_events;

use crate::{App, Result, http::endpoint::Ruma};

/// `GET /_matrix/client/v3/sync`
pub async fn sync(app: App, req: Ruma<sync_events::v3::Request>) -> Result<String> {
    app.sync.sync(req.caller, req.body).await
}
