//! From where somebody uses their account.

use std::collections::BTreeMap;

use ruma::OwnedUserId;
use serde::Serialize;

use super::Call;
use crate::{
    App, Result,
    moderation::{self, DeviceConnections},
};

#[derive(Serialize)]
pub(super) struct Whois {
    user_id: OwnedUserId,
    devices: BTreeMap<String, Device>,
}

#[derive(Serialize)]
struct Device {
    sessions: [Session; 1],
}

#[derive(Serialize)]
struct Session {
    connections: Vec<Connection>,
}

#[derive(Serialize)]
struct Connection {
    ip: String,
    last_seen: i64,
    user_agent: Option<String>,
}

impl From<moderation::Connection> for Connection {
    fn from(from: moderation::Connection) -> Self {
        Self { ip: from.address, last_seen: from.last_seen_at, user_agent: from.user_agent }
    }
}

/// `GET /_synapse/admin/v1/whois/{user_id}`
pub(super) async fn whois(app: App, call: Call) -> Result<Whois> {
    let user_id = call.user(0)?;
    let device = |(id, DeviceConnections { connections })| {
        let connections = connections.into_iter().map(Connection::from).collect();
        (id, Device { sessions: [Session { connections }] })
    };
    let devices = app.moderation.connections(&call.caller, &user_id).await?;
    Ok(Whois { devices: devices.into_iter().map(device).collect(), user_id })
}
