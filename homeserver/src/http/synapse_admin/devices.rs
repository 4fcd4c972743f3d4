//! The devices of users.

use ruma::{OwnedDeviceId, api::client::device::Device};
use serde::{Deserialize, Serialize};

use super::{Call, Nothing};
use crate::{App, Error, Result, storage::numbers::UserNid};

/// A device.
#[derive(Serialize)]
pub(super) struct ListedDevice {
    device_id: OwnedDeviceId,
    display_name: Option<String>,
    last_seen_ip: Option<String>,
    last_seen_user_agent: Option<String>,
    /// 0 where that is not known: synadm reckons with it.
    last_seen_ts: i64,
    user_id: String,
    dehydrated: bool,
}

impl ListedDevice {
    fn new(device: Device, user_agent: Option<String>, user_id: &str) -> Self {
        Self {
            device_id: device.device_id,
            display_name: device.display_name,
            last_seen_ip: device.last_seen_ip,
            last_seen_user_agent: user_agent,
            last_seen_ts: device.last_seen_ts.map_or(0, |at| at.0.into()),
            user_id: user_id.to_owned(),
            dehydrated: false,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Devices {
    devices: Vec<ListedDevice>,
    total: usize,
}

/// `GET /_synapse/admin/v2/users/{user_id}/devices`
pub(super) async fn list(app: App, call: Call) -> Result<Devices> {
    let user_id = call.user(0)?;
    let devices = app.moderation.devices_of(&call.caller, &user_id).await?;
    let devices: Vec<ListedDevice> =
        devices.into_iter().map(|(device, agent)| ListedDevice::new(device, agent, user_id.as_str())).collect();
    Ok(Devices { total: devices.len(), devices })
}

/// `POST /_synapse/admin/v2/users/{user_id}/devices`
pub(super) async fn create(app: App, call: Call) -> Result<Nothing> {
    #[derive(Deserialize)]
    struct Body {
        device_id: OwnedDeviceId,
    }
    let Body { device_id } = call.body()?;
    app.devices.create(owner(&app, &call).await?, device_id, None).await?;
    Ok(Nothing {})
}

/// `GET /_synapse/admin/v2/users/{user_id}/devices/{device_id}`
pub(super) async fn find(app: App, call: Call) -> Result<ListedDevice> {
    let (user_id, wanted) = (call.user(0)?, device(&call));
    let devices = app.moderation.devices_of(&call.caller, &user_id).await?;
    let found = devices.into_iter().find(|(device, _)| device.device_id == wanted);
    let (device, agent) = found.ok_or_else(|| Error::not_found("There is no such device."))?;
    Ok(ListedDevice::new(device, agent, user_id.as_str()))
}

/// `PUT /_synapse/admin/v2/users/{user_id}/devices/{device_id}`
pub(super) async fn rename(app: App, call: Call) -> Result<Nothing> {
    #[derive(Deserialize)]
    struct Body {
        display_name: Option<String>,
    }
    let Body { display_name } = call.body()?;
    app.devices.rename(owner(&app, &call).await?, &device(&call), display_name.as_deref()).await?;
    Ok(Nothing {})
}

/// `DELETE /_synapse/admin/v2/users/{user_id}/devices/{device_id}`
pub(super) async fn delete(app: App, call: Call) -> Result<Nothing> {
    let owner = owner(&app, &call).await?;
    app.accounts.sessions.end(&call.caller, owner, &[device(&call)]).await?;
    Ok(Nothing {})
}

/// `POST /_synapse/admin/v2/users/{user_id}/delete_devices`
pub(super) async fn delete_several(app: App, call: Call) -> Result<Nothing> {
    #[derive(Deserialize)]
    struct Body {
        devices: Vec<OwnedDeviceId>,
    }
    let Body { devices } = call.body()?;
    app.accounts.sessions.end(&call.caller, owner(&app, &call).await?, &devices).await?;
    Ok(Nothing {})
}

async fn owner(app: &App, call: &Call) -> Result<UserNid> {
    Ok(app.accounts.administration.find(&call.user(0)?).await?.user)
}

fn device(call: &Call) -> OwnedDeviceId {
    call.args[1].as_str().into()
}
