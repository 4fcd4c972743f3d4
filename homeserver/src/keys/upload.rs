//! Takes the keys that a device publishes.

use std::{collections::BTreeMap, sync::Arc};

use ruma::{
    CanonicalJsonValue, OneTimeKeyAlgorithm, OwnedDeviceId, OwnedOneTimeKeyId, UInt,
    encryption::{DeviceKeys, OneTimeKey},
    serde::Raw,
};

use super::{
    Keys, device_lists, device_of,
    signed::{Signed, is_public_key, signing_key},
};
use crate::{
    Error, Result,
    accounts::User,
    storage::{
        Conn,
        keys::{
            changes::{DeviceKeysRow, KeyChange},
            identity,
            one_time::{self, Key},
        },
    },
};

/// A device can have so many one-time keys of each algorithm, at most.
const ONE_TIME_KEYS: usize = 1000;
/// Largest one-time or fallback key, in bytes.
const KEY_SIZE_LIMIT: usize = 16 << 10;
/// Longest algorithm name and longest key ID, in bytes.
const NAME_LIMIT: usize = 255;
/// How long the ID of a claimed key is remembered.
const CLAIMED_MS: i64 = 7 * 24 * 3_600_000;

/// The keys of one upload under their IDs, as clients send them.
type UploadedKeys = BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>;

impl Keys {
    /// Publishes the keys of the caller's device. Returns how many one-time keys of each algorithm
    /// it has then.
    pub async fn upload(
        &self,
        user: &User,
        device_keys: Option<Raw<DeviceKeys>>,
        one_time_keys: UploadedKeys,
        fallback_keys: UploadedKeys,
    ) -> Result<BTreeMap<OneTimeKeyAlgorithm, UInt>> {
        let device_id = device_of(user)?;
        let device_keys = device_keys.map(|keys| check_device_keys(user, device_id, &keys)).transpose()?;
        let one_time_keys = check_keys(one_time_keys)?;
        let fallback_keys = check_keys(fallback_keys)?;
        check_one_per_algorithm(&fallback_keys)?;

        // One-time keys come first: nobody learns of a device that cannot be written to.
        if !one_time_keys.is_empty() || !fallback_keys.is_empty() {
            self.store_keys(user, device_id, &one_time_keys, &fallback_keys).await?;
        }
        if let Some(device_keys) = device_keys {
            self.store_device_keys(user, device_id, &device_keys).await?;
        }
        self.one_time_key_counts(user.nid, device_id).await
    }

    async fn store_keys(
        &self,
        user: &User,
        device_id: &OwnedDeviceId,
        one_time_keys: &[Key],
        fallback_keys: &[Key],
    ) -> Result<()> {
        let now_ms = self.clock.now_ms();
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                if !one_time::lock_device(&mut tx, user.nid, device_id).await? {
                    return Err(Error::unknown_token("This device has been deleted.", false));
                }
                one_time::delete_claimed(&mut tx, user.nid, device_id, now_ms - CLAIMED_MS).await?;
                let new = new_keys(&mut tx, user, device_id, one_time_keys).await?;
                one_time::insert(&mut tx, user.nid, device_id, &new, now_ms).await?;
                for (_, count) in one_time::count(&mut tx, user.nid, device_id).await? {
                    if usize::try_from(count).is_ok_and(|count| count > ONE_TIME_KEYS) {
                        return Err(Error::invalid_param("A device cannot have more than 1,000 one-time keys."));
                    }
                }
                for key in fallback_keys {
                    one_time::set_fallback(&mut tx, user.nid, device_id, key).await?;
                }
                Ok(tx.commit().await?)
            })
            .await?;
        self.storage.forget_key_supply(user.nid, device_id);
        Ok(())
    }

    /// Stores the identity keys and tells of them, unless they are known already.
    async fn store_device_keys(&self, user: &User, device_id: &OwnedDeviceId, keys: &Signed) -> Result<()> {
        let mut conn = self.storage.conn().await?;
        if identity::is_cross_signing_key(&mut conn, user.nid, device_id).await? {
            return Err(Error::forbidden("A cross-signing key has the name of this device."));
        }
        let stored = identity::find_device_keys(&mut conn, user.nid, device_id).await?;
        drop(conn);
        let json = keys.to_json();
        let is_new = match stored {
            Some(stored) if stored == json => return Ok(()),
            Some(stored) => !keys.is_same_but_for_signatures(&Signed::load(&stored)?),
            None => true,
        };
        let row = DeviceKeysRow { user: user.nid, device_id: device_id.clone(), is_new, json: Arc::from(json) };
        self.log.append(device_lists::change(user.nid, user.nid, vec![KeyChange::Device(row)])).await?;
        Ok(())
    }
}

/// Those of `keys` that are new. Refuses a key that differs from the unclaimed one with its ID; one
/// that was claimed already is not offered again.
async fn new_keys<'a>(
    conn: &mut Conn,
    user: &User,
    device_id: &OwnedDeviceId,
    keys: &'a [Key],
) -> Result<Vec<&'a Key>> {
    let mut by_algorithm: BTreeMap<&str, BTreeMap<&str, &'a Key>> = BTreeMap::new();
    for key in keys {
        by_algorithm.entry(&key.algorithm).or_default().insert(&key.key_id, key);
    }
    let mut new = Vec::with_capacity(keys.len());
    for (algorithm, mut by_id) in by_algorithm {
        let key_ids: Vec<&str> = by_id.keys().copied().collect();
        for stored in one_time::list(conn, user.nid, device_id, algorithm, &key_ids).await? {
            let Some(key) = by_id.get(&*stored.key_id) else { continue };
            if key.json == stored.json {
                by_id.remove(&*stored.key_id);
            } else if !stored.is_claimed {
                let message = format!("There is another one-time key {algorithm}:{} already.", stored.key_id);
                return Err(Error::invalid_param(message));
            }
        }
        new.extend(by_id.into_values());
    }
    Ok(new)
}

/// Checks that the keys are those of the caller's device, and their signature where it can be.
fn check_device_keys(user: &User, device_id: &OwnedDeviceId, keys: &Raw<DeviceKeys>) -> Result<Signed> {
    let mut signed = Signed::read(keys.json())?;
    let parsed: DeviceKeys = signed.parse()?;
    if parsed.user_id != user.id || parsed.device_id != *device_id {
        return Err(Error::invalid_param("These keys are those of another user or another device."));
    }
    // Signatures of others would have to be checked, and hidden from those who may not see them.
    signed.retain_signatures_of(&user.id);
    // Keys and signatures of other algorithms are for clients to judge.
    if let Some(own_key) = signing_key(&parsed).filter(|key| is_public_key(key))
        && let Some(signature) = signed.signature(&user.id, device_id.as_str())
        && !signed.is_signature(signature, own_key)
    {
        return Err(Error::invalid_signature("The device's signature on its keys is not valid."));
    }
    Ok(signed)
}

fn check_keys(keys: UploadedKeys) -> Result<Vec<Key>> {
    if keys.len() > ONE_TIME_KEYS {
        return Err(Error::invalid_param("At most 1,000 keys can be uploaded at a time."));
    }
    keys.into_iter().map(|(id, key)| check_key(&id, &key)).collect()
}

fn check_key(id: &OwnedOneTimeKeyId, key: &Raw<OneTimeKey>) -> Result<Key> {
    let (algorithm, key_id) =
        id.as_str().split_once(':').ok_or_else(|| Error::bad_json("A key ID has no colon in it."))?;
    if algorithm.len() > NAME_LIMIT || key_id.len() > NAME_LIMIT {
        return Err(Error::invalid_param("A key ID is longer than 255 bytes."));
    }
    if key.json().get().len() > KEY_SIZE_LIMIT {
        return Err(Error::too_large("A one-time key is larger than 16,384 bytes."));
    }
    let canonical: CanonicalJsonValue = key
        .deserialize_as_unchecked()
        .map_err(|fault| Error::bad_json(format!("The key {id} is not canonical JSON: {fault}.")))?;
    // What else is in it depends on the algorithm, which is for clients to judge.
    if !canonical.is_string() && !canonical.is_object() {
        return Err(Error::bad_json(format!("The key {id} is neither a string nor an object.")));
    }
    Ok(Key { algorithm: algorithm.to_owned(), key_id: key_id.to_owned(), json: canonical.to_string() })
}

fn check_one_per_algorithm(keys: &[Key]) -> Result<()> {
    // They are sorted by their IDs, which begin with the algorithm.
    if keys.windows(2).any(|pair| pair[0].algorithm == pair[1].algorithm) {
        return Err(Error::invalid_param("There can be one fallback key for each algorithm."));
    }
    Ok(())
}
