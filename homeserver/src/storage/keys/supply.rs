//! How many one-time keys devices have left, remembered because every `/sync` tells it.

use std::{collections::BTreeMap, sync::Arc};

use quick_cache::sync::Cache;
use ruma::{DeviceId, OneTimeKeyAlgorithm, OwnedDeviceId, UInt};

use super::one_time;
use crate::{
    Result,
    storage::{Storage, numbers::UserNid},
};

/// Devices whose supply is remembered, at most.
const DEVICES: usize = 100_000;
/// How long a supply is believed, so that what another process gave out is noticed.
const LIFE_MS: i64 = 300_000;

/// What is left for those who want to write to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySupply {
    /// The number of unclaimed one-time keys of each algorithm.
    pub one_time_key_counts: BTreeMap<OneTimeKeyAlgorithm, UInt>,
    /// The algorithms whose fallback key nobody was given yet.
    pub unused_fallback_key_types: Vec<OneTimeKeyAlgorithm>,
    /// When it was read.
    read_at_ms: i64,
}

/// The supplies that are remembered.
#[derive(Debug)]
pub struct KeySupplies(Cache<(UserNid, OwnedDeviceId), Arc<KeySupply>>);

impl Default for KeySupplies {
    fn default() -> Self {
        Self(Cache::new(DEVICES))
    }
}

impl Storage {
    /// What is left for those who want to write to a device; usually answered from memory.
    pub async fn key_supply(&self, user: UserNid, device_id: &DeviceId, now_ms: i64) -> Result<Arc<KeySupply>> {
        let key = (user, device_id.to_owned());
        if let Some(known) = self.key_supplies().0.get(&key) {
            if now_ms - known.read_at_ms < LIFE_MS {
                return Ok(known);
            }
            self.key_supplies().0.remove(&key);
        }
        // Where the supply is forgotten while it is read, the cache does not take it.
        self.key_supplies().0.get_or_insert_async(&key, self.load_key_supply(user, device_id, now_ms)).await
    }

    /// Forgets a device's supply; to be called after every commit that changed it.
    pub fn forget_key_supply(&self, user: UserNid, device_id: &DeviceId) {
        self.key_supplies().0.remove(&(user, device_id.to_owned()));
    }

    async fn load_key_supply(&self, user: UserNid, device_id: &DeviceId, now_ms: i64) -> Result<Arc<KeySupply>> {
        let mut conn = self.conn().await?;
        let counts = one_time::count(&mut conn, user, device_id).await?;
        let unused = one_time::list_unused_fallback_algorithms(&mut conn, user, device_id).await?;
        Ok(Arc::new(KeySupply {
            one_time_key_counts: counts
                .into_iter()
                .map(|(algorithm, count)| (algorithm.into(), UInt::new_saturating(count.unsigned_abs())))
                .collect(),
            unused_fallback_key_types: unused.into_iter().map(Into::into).collect(),
            read_at_ms: now_ms,
        }))
    }
}
