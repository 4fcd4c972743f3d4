//! Gives out credentials for the relay of calls.

use ruma::api::client::voip::get_turn_server_info;

use crate::{App, Result, http::endpoint::Ruma, turn};

/// `GET /_matrix/client/v3/voip/turnServer`
pub(super) async fn turn_server(app: App, req: Ruma<get_turn_server_info::v3::Request>) -> Result<String> {
    Ok(turn::credentials(&app.config.voip, &req.caller.id, app.clock.now_ms()).to_string())
}
