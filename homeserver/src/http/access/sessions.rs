//! From where accounts are used.

use ruma::UserId;
use serde_json::{Value, json};

use super::{Call, forms};
use crate::{
    App, Error, Result,
    access::{networks, room_networks},
    oversight::{SeenSession, Whose},
};

/// `GET /_salon/access/v1/sessions`
pub(super) async fn list(app: App, call: Call) -> Result<Value> {
    let whose = match (call.query("user_id"), call.query("network")) {
        (Some(user_id), None) => {
            Whose::User(UserId::parse(user_id).map_err(|_| Error::invalid_param("This is not a user ID."))?)
        }
        (None, Some(name)) if room_networks::is_token(name) => Whose::Named(name.to_owned()),
        (None, Some(network)) => Whose::Network(networks::parse(network)?),
        _ => return Err(Error::missing_param("Either `user_id` or `network` is needed.")),
    };
    let reason = call.is_set("reveal").then(|| call.query("reason").unwrap_or_default());
    let sessions = app.oversight.sessions(&call.caller, &whose, reason).await?;
    let session = |session: &SeenSession| {
        forms::without_nulls(json!({
            "user_id": session.user_id,
            "device_id": session.device_id,
            "network": session.network,
            "address": session.address,
            "first_seen_at": session.first_seen_at,
            "last_seen_at": session.last_seen_at,
            "live_requests": session.live_requests,
        }))
    };
    Ok(json!({ "sessions": sessions.iter().map(session).collect::<Vec<_>>() }))
}
