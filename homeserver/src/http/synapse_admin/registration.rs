//! Registration by scripts: with a shared secret, so that the first account can be made.

use serde_json::json;

use super::json as answer;
use crate::{
    App, Error, Result,
    accounts::registration::ScriptRequest,
    http::endpoint::{HttpAnswer, Incoming},
};

/// `GET /_synapse/admin/v1/register`
pub(super) async fn nonce(app: App, _: Incoming) -> HttpAnswer {
    answer(&json!({ "nonce": app.accounts.registration.nonce() }))
}

/// `POST /_synapse/admin/v1/register`
pub(super) async fn register(app: App, incoming: Incoming) -> HttpAnswer {
    let request = parse(&incoming.body)?;
    let session = app.accounts.registration.create_by_script(request, &incoming.origin).await?;
    answer(&json!({
        "user_id": session.user_id,
        "home_server": session.user_id.server_name(),
        "device_id": session.device_id,
        "access_token": session.tokens.access,
    }))
}

fn parse(body: &[u8]) -> Result<ScriptRequest> {
    serde_json::from_slice(body).map_err(|fault| match fault.classify() {
        serde_json::error::Category::Data => Error::bad_json(format!("The body is not what is expected: {fault}.")),
        _ => Error::not_json(format!("The body is not JSON: {fault}.")),
    })
}
