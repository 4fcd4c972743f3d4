//! Pushers and notifications.

use bytes::Bytes;
use ruma::api::client::push::{
    get_notifications, get_pushers,
    set_pusher::{self, v3::PusherAction},
};
use serde_json::Value;

use crate::{App, Error, Result, http::endpoint::Ruma};

/// Refuses a pusher that lacks something, with the error code that the specification has for it.
pub fn with_all_parts(body: Bytes) -> Result<Bytes> {
    let Ok(Value::Object(members)) = serde_json::from_slice(&body) else { return Ok(body) };
    let always = ["kind", "app_id", "pushkey"];
    let unless_deleted = ["app_display_name", "device_display_name", "lang", "data"];
    let is_deleted = members.get("kind") == Some(&Value::Null);
    let needed = always.into_iter().chain(unless_deleted.into_iter().filter(|_| !is_deleted));
    let missing: Vec<&str> = needed.filter(|name| !members.contains_key(*name)).collect();
    if missing.is_empty() { Ok(body) } else { Err(Error::missing_param(format!("Missing: {}.", missing.join(", ")))) }
}

/// `GET /_matrix/client/v3/pushers`
pub async fn pushers(app: App, req: Ruma<get_pushers::v3::Request>) -> Result<get_pushers::v3::Response> {
    Ok(get_pushers::v3::Response::new(app.push.pushers.list(req.caller.nid).await?))
}

/// `POST /_matrix/client/v3/pushers/set`
pub async fn set_pusher(app: App, req: Ruma<set_pusher::v3::Request>) -> Result<set_pusher::v3::Response> {
    match req.body.action {
        PusherAction::Post(data) => app.push.pushers.set(&req.caller, data.pusher, data.append).await?,
        PusherAction::Delete(ids) => app.push.pushers.delete(&req.caller, &ids).await?,
        _ => return Err(Error::invalid_param("A pusher is set or deleted.")),
    }
    Ok(set_pusher::v3::Response::new())
}

/// `GET /_matrix/client/v3/notifications`
pub async fn notifications(app: App, req: Ruma<get_notifications::v3::Request>) -> Result<String> {
    app.push.notifications.list(&req.caller, req.body).await
}
