//! From where somebody uses their account. Who looks is recorded.

use std::collections::BTreeMap;

use ruma::UserId;

use super::Moderation;
use crate::{Result, accounts::User};

/// The connections of one device.
#[derive(Clone, Debug, Default)]
pub struct DeviceConnections {
    /// From where it was used, the latest first.
    pub connections: Vec<Connection>,
}

/// Where a device was used.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The address.
    pub address: String,
    /// When it was used from there last, in ms since the epoch.
    pub last_seen_at: i64,
    /// What the client called itself, if that is known of this connection.
    pub user_agent: Option<String>,
}

impl Moderation {
    /// The connections of a user's devices, by device.
    pub async fn connections(&self, caller: &User, user_id: &UserId) -> Result<BTreeMap<String, DeviceConnections>> {
        let account = self.accounts.administration.find(user_id).await?;
        self.record(Self::act(caller, "access.addresses.see").on(user_id)).await?;
        let mut devices: BTreeMap<String, DeviceConnections> = BTreeMap::new();
        for seen in self.access.whereabouts.of_user(account.user).await? {
            devices.entry(seen.device_id.to_string()).or_default().connections.push(Connection {
                address: seen.address.to_string(),
                last_seen_at: seen.last_seen_at,
                user_agent: None,
            });
        }
        for (device, user_agent) in self.devices.list_with_clients(account.user).await? {
            let connections = &mut devices.entry(device.device_id.to_string()).or_default().connections;
            // Of the client only the latest name is kept.
            let latest = connections.iter_mut().find(|known| Some(&known.address) == device.last_seen_ip.as_ref());
            if let Some(latest) = latest {
                latest.user_agent = user_agent;
            }
        }
        Ok(devices)
    }
}
