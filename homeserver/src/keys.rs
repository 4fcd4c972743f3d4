//! Keys for end-to-end encryption: stores and hands out what devices publish. Servers only carry
//! these keys; whether to trust them is for clients to decide.

mod claim;
mod cross_signing;
mod query;
mod signatures;
mod signed;
mod upload;

pub mod backups;
pub mod device_lists;
pub mod housekeeping;
pub mod to_device;

use std::{collections::BTreeMap, sync::Arc};

use ruma::{DeviceId, OneTimeKeyAlgorithm, OwnedDeviceId, OwnedServerName, OwnedUserId, UInt};

pub use self::{
    backups::Backups, claim::WantedKeys, cross_signing::CrossSigningKeys, query::WantedDevices, signatures::Failures,
    to_device::ToDevice,
};
use crate::{
    Error, Result,
    accounts::User,
    clock::Clock,
    storage::{Storage, keys::supply::KeySupply, numbers::UserNid},
    tail::Log,
};

/// The keys of devices and users.
#[derive(Clone, Debug)]
pub struct Keys {
    storage: Storage,
    log: Log,
    clock: Clock,
    server_name: OwnedServerName,
}

/// Something about users, taken apart by who can answer for them.
#[derive(Debug)]
struct ByServer<T> {
    local: BTreeMap<OwnedUserId, T>,
    remote: BTreeMap<OwnedServerName, BTreeMap<OwnedUserId, T>>,
}

impl<T> ByServer<T> {
    fn new(server_name: &OwnedServerName, all: BTreeMap<OwnedUserId, T>) -> Self {
        let mut parts = Self { local: BTreeMap::new(), remote: BTreeMap::new() };
        for (user_id, about) in all {
            if user_id.server_name() == server_name {
                parts.local.insert(user_id, about);
            } else {
                parts.remote.entry(user_id.server_name().to_owned()).or_default().insert(user_id, about);
            }
        }
        parts
    }

    /// What clients are told about the servers that cannot be asked.
    fn failures(&self) -> BTreeMap<String, serde_json::Value> {
        let failure = serde_json::json!({ "errcode": "M_UNKNOWN", "error": "This server cannot be reached." });
        self.remote.keys().map(|server| (server.to_string(), failure.clone())).collect()
    }
}

impl Keys {
    /// The keys of the users of `server_name`.
    pub fn new(storage: Storage, log: Log, clock: Clock, server_name: OwnedServerName) -> Self {
        Self { storage, log, clock, server_name }
    }

    /// How many one-time keys of each algorithm a device has left: `device_one_time_keys_count` in
    /// `/sync`. Answered from memory unless they changed since the last call, or after some minutes.
    pub async fn one_time_key_counts(
        &self,
        user: UserNid,
        device_id: &DeviceId,
    ) -> Result<BTreeMap<OneTimeKeyAlgorithm, UInt>> {
        Ok(self.supply(user, device_id).await?.one_time_key_counts.clone())
    }

    /// The algorithms whose fallback key was not used yet: `device_unused_fallback_key_types` in
    /// `/sync`. Answered from memory as [`Self::one_time_key_counts`] is.
    pub async fn unused_fallback_key_types(
        &self,
        user: UserNid,
        device_id: &DeviceId,
    ) -> Result<Vec<OneTimeKeyAlgorithm>> {
        Ok(self.supply(user, device_id).await?.unused_fallback_key_types.clone())
    }

    /// Both of the above at once, shared.
    pub async fn supply(&self, user: UserNid, device_id: &DeviceId) -> Result<Arc<KeySupply>> {
        self.storage.key_supply(user, device_id, self.clock.now_ms()).await
    }
}

/// The device that acts; some requests are about it.
fn device_of(user: &User) -> Result<&OwnedDeviceId> {
    user.device_id.as_ref().ok_or_else(|| Error::invalid_param("Only a session with a device can do this."))
}
