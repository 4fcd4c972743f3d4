//! Gives out one-time keys, each once.

use std::collections::BTreeMap;

use ruma::{
    OneTimeKeyAlgorithm, OneTimeKeyId, OwnedDeviceId, OwnedUserId,
    api::client::keys::claim_keys::v3::{OneTimeKeys, Response},
    encryption::OneTimeKey,
    serde::Raw,
};
use serde_json::value::RawValue;

use super::{ByServer, Keys};
use crate::{
    Error, Result,
    storage::{
        Conn,
        keys::{
            identity,
            one_time::{self, Key},
        },
        numbers::UserNid,
    },
};

/// Of which devices keys are wanted, and of which algorithm.
pub type WantedKeys = BTreeMap<OwnedUserId, BTreeMap<OwnedDeviceId, OneTimeKeyAlgorithm>>;

/// So many devices' keys are taken in one transaction.
const BATCH: usize = 64;

/// A device and the algorithm of the key that is wanted of it.
#[derive(Debug)]
struct Wanted {
    user_id: OwnedUserId,
    user: UserNid,
    device_id: OwnedDeviceId,
    algorithm: OneTimeKeyAlgorithm,
}

impl Keys {
    /// Takes a one-time key of each wanted device, or its fallback key when none is left.
    ///
    /// This is where federation comes in: it asks the servers of the remote users, which count as
    /// out of reach here.
    pub async fn claim(&self, wanted: WantedKeys) -> Result<Response> {
        let wanted = ByServer::new(&self.server_name, wanted);
        let failures = wanted.failures();
        let mut response = Response::new(self.claim_local(wanted.local).await?);
        response.failures = failures;
        Ok(response)
    }

    /// The same for local users. Users and devices without a key are left out.
    pub async fn claim_local(&self, wanted: WantedKeys) -> Result<BTreeMap<OwnedUserId, OneTimeKeys>> {
        let user_ids: Vec<_> = wanted.keys().map(|user_id| &**user_id).collect();
        let users: BTreeMap<_, _> =
            identity::list_local_users(&mut *self.storage.conn().await?, &user_ids).await?.into_iter().collect();
        // In this order, which is the same for everyone, nobody waits for somebody who waits.
        let wanted: Vec<Wanted> = wanted
            .into_iter()
            .filter_map(|(user_id, devices)| Some((*users.get(&user_id)?, user_id, devices)))
            .flat_map(|(user, user_id, devices)| {
                devices.into_iter().map(move |(device_id, algorithm)| Wanted {
                    user_id: user_id.clone(),
                    user,
                    device_id,
                    algorithm,
                })
            })
            .collect();
        let mut claimed: BTreeMap<OwnedUserId, OneTimeKeys> = BTreeMap::new();
        for batch in wanted.chunks(BATCH) {
            for (from, key) in self.claim_batch(batch).await? {
                let (key_id, key) = for_client(&key)?;
                let of_user = claimed.entry(from.user_id.clone()).or_default();
                of_user.entry(from.device_id.clone()).or_default().insert(key_id, key);
            }
        }
        Ok(claimed)
    }

    async fn claim_batch<'a>(&self, batch: &'a [Wanted]) -> Result<Vec<(&'a Wanted, Key)>> {
        let now_ms = self.clock.now_ms();
        let claimed = self
            .storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                let mut claimed = Vec::with_capacity(batch.len());
                for wanted in batch {
                    if let Some(key) = claim_one(&mut tx, wanted, now_ms).await? {
                        claimed.push((wanted, key));
                    }
                }
                tx.commit().await?;
                Ok(claimed)
            })
            .await?;
        for (from, _) in &claimed {
            self.storage.forget_key_supply(from.user, &from.device_id);
        }
        Ok(claimed)
    }
}

async fn claim_one(conn: &mut Conn, wanted: &Wanted, now_ms: i64) -> Result<Option<Key>> {
    let Wanted { user, device_id, algorithm, .. } = wanted;
    let one_time_key = one_time::claim(conn, *user, device_id, algorithm.as_str(), now_ms).await?;
    match one_time_key {
        Some(key) => Ok(Some(key)),
        None => one_time::use_fallback(conn, *user, device_id, algorithm.as_str()).await,
    }
}

fn for_client(key: &Key) -> Result<(ruma::OwnedOneTimeKeyId, Raw<OneTimeKey>)> {
    let key_id = OneTimeKeyId::from_parts(key.algorithm.as_str().into(), key.key_id.as_str().into());
    let json = RawValue::from_string(key.json.clone())
        .map_err(|fault| Error::internal(format!("a stored one-time key is malformed: {fault}")))?;
    Ok((key_id, Raw::from_json(json)))
}
