//! Manages the caller's devices.

use http::StatusCode;
use ruma::api::client::device::{Device, delete_device, delete_devices, get_device, get_devices, update_device};
use serde_json::{Value, json};

use crate::{
    App, Result,
    http::endpoint::{HttpAnswer, Ruma, json_answer},
};

/// `GET /_matrix/client/v3/devices`
pub(super) async fn list(app: App, req: Ruma<get_devices::v3::Request>) -> Result<String> {
    let devices = app.devices.list(req.caller.nid).await?;
    Ok(json!({ "devices": devices.iter().map(whole).collect::<Vec<_>>() }).to_string())
}

/// `GET /_matrix/client/v3/devices/{deviceId}`
pub(super) async fn find(app: App, req: Ruma<get_device::v3::Request>) -> Result<String> {
    Ok(whole(&app.devices.find(req.caller.nid, &req.body.device_id).await?).to_string())
}

/// A device with all members. Those that are not known are null, because matrix-nio insists that
/// they are there.
fn whole(device: &Device) -> Value {
    json!({
        "device_id": device.device_id,
        "display_name": device.display_name,
        "last_seen_ip": device.last_seen_ip,
        "last_seen_ts": device.last_seen_ts,
    })
}

/// `PUT /_matrix/client/v3/devices/{deviceId}`
pub(super) async fn update(app: App, req: Ruma<update_device::v3::Request>) -> HttpAnswer {
    let update_device::v3::Request { device_id, display_name, .. } = req.body;
    let is_new = app.devices.update(&req.caller, device_id, display_name).await?;
    let mut answer = json_answer("{}".to_owned())?;
    if is_new {
        *answer.status_mut() = StatusCode::CREATED;
    }
    Ok(answer)
}

/// `DELETE /_matrix/client/v3/devices/{deviceId}`
pub(super) async fn delete(app: App, req: Ruma<delete_device::v3::Request>) -> Result<delete_device::v3::Response> {
    let delete_device::v3::Request { device_id, auth, .. } = req.body;
    app.devices.delete(&req.caller, auth.as_ref(), device_id).await?;
    Ok(delete_device::v3::Response::new())
}

/// `POST /_matrix/client/v3/delete_devices`
pub(super) async fn delete_several(
    app: App,
    req: Ruma<delete_devices::v3::Request>,
) -> Result<delete_devices::v3::Response> {
    app.devices.delete_several(&req.caller, req.body.auth.as_ref(), &req.body.devices).await?;
    Ok(delete_devices::v3::Response::new())
}
