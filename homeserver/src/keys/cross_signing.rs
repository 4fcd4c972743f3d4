//! Takes the cross-signing keys that a user publishes.

use std::{collections::BTreeMap, sync::Arc};

use ruma::{
    encryption::{self, KeyUsage},
    serde::Raw,
};

use super::{
    Keys, device_lists,
    signed::{Signed, is_public_key},
};
use crate::{
    Error, Result,
    accounts::User,
    storage::keys::{
        changes::{CrossSigningRow, KeyChange},
        identity::{self, CrossSigningKind},
    },
};

/// The keys of one upload.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the specification describes them")]
pub struct CrossSigningKeys {
    pub master: Option<Raw<encryption::CrossSigningKey>>,
    pub self_signing: Option<Raw<encryption::CrossSigningKey>>,
    pub user_signing: Option<Raw<encryption::CrossSigningKey>>,
}

/// A cross-signing key that is well-formed; its signatures are not checked yet.
#[derive(Debug)]
struct Key {
    public_key: String,
    signed: Signed,
}

type KeysByKind = BTreeMap<CrossSigningKind, Key>;

impl Keys {
    /// Publishes the caller's cross-signing keys. Where the user has some already, and these are not
    /// the same, `confirm` has to succeed first: it asks for further authentication.
    pub async fn upload_cross_signing_keys(
        &self,
        user: &User,
        keys: CrossSigningKeys,
        confirm: impl AsyncFnOnce() -> Result<()>,
    ) -> Result<()> {
        let mut new = read(user, &keys)?;
        let stored = self.cross_signing_keys(user).await?;
        let is_known = |kind: &CrossSigningKind, key: &Key| stored.get(kind).is_some_and(|old| old.is_same(key));
        let has_new_master =
            new.get(&CrossSigningKind::Master).is_some_and(|key| !is_known(&CrossSigningKind::Master, key));
        // What a new master key has signed is stored anew with that signature.
        new.retain(|kind, key| has_new_master || !is_known(kind, key));
        if new.is_empty() {
            return Ok(());
        }
        check_signatures(user, &new, &stored)?;
        self.check_names(user, &new, &stored).await?;
        if stored.contains_key(&CrossSigningKind::Master) {
            confirm().await?;
        }

        let changes = changes(user, new, &stored);
        self.log.append(device_lists::change(user.nid, user.nid, changes)).await?;
        Ok(())
    }

    async fn cross_signing_keys(&self, user: &User) -> Result<KeysByKind> {
        let mut conn = self.storage.conn().await?;
        let rows = identity::list_cross_signing_keys(&mut conn, &[user.nid]).await?;
        rows.into_iter()
            .map(|row| Ok((row.kind, Key { public_key: row.public_key, signed: Signed::load(&row.json)? })))
            .collect()
    }

    /// Signatures name their keys, so no name may be taken twice: not by a device and not by two
    /// cross-signing keys.
    async fn check_names(&self, user: &User, new: &KeysByKind, stored: &KeysByKind) -> Result<()> {
        let mut conn = self.storage.conn().await?;
        for (kind, key) in new {
            let is_taken = new.iter().chain(stored).any(|(other, taken)| other != kind && taken.is_named_like(key))
                || identity::is_device_id(&mut conn, user.nid, &key.public_key).await?;
            if is_taken {
                return Err(Error::forbidden("This key is in use as another key or as a device ID."));
            }
        }
        Ok(())
    }
}

impl Key {
    fn is_named_like(&self, other: &Self) -> bool {
        self.public_key == other.public_key
    }

    fn is_same(&self, other: &Self) -> bool {
        self.is_named_like(other) && self.signed.is_same_but_for_signatures(&other.signed)
    }
}

fn read(user: &User, keys: &CrossSigningKeys) -> Result<KeysByKind> {
    let given = [
        (CrossSigningKind::Master, KeyUsage::Master, &keys.master),
        (CrossSigningKind::SelfSigning, KeyUsage::SelfSigning, &keys.self_signing),
        (CrossSigningKind::UserSigning, KeyUsage::UserSigning, &keys.user_signing),
    ];
    let mut by_kind = KeysByKind::new();
    for (kind, usage, key) in given {
        if let Some(key) = key {
            by_kind.insert(kind, read_key(user, &usage, key)?);
        }
    }
    Ok(by_kind)
}

fn read_key(user: &User, usage: &KeyUsage, key: &Raw<encryption::CrossSigningKey>) -> Result<Key> {
    let mut signed = Signed::read(key.json())?;
    let parsed: encryption::CrossSigningKey = signed.parse()?;
    if parsed.user_id != user.id {
        return Err(Error::invalid_param("This cross-signing key is that of another user."));
    }
    if parsed.usage != [usage.clone()] {
        return Err(Error::invalid_param(format!("This cross-signing key is not for the usage {usage} alone.")));
    }
    let mut keys = parsed.keys.into_iter();
    let (Some((key_id, public_key)), None) = (keys.next(), keys.next()) else {
        return Err(Error::invalid_param("A cross-signing key has exactly one public key."));
    };
    if key_id.as_str().strip_prefix("ed25519:") != Some(&*public_key) || !is_public_key(&public_key) {
        return Err(Error::invalid_param("A cross-signing key is an Ed25519 key that is named like itself."));
    }
    // Signatures of others would have to be checked, and hidden from those who may not see them.
    signed.retain_signatures_of(&user.id);
    Ok(Key { public_key, signed })
}

/// The master key signs the others; where it is not uploaded with them, it is the one stored.
fn check_signatures(user: &User, new: &KeysByKind, stored: &KeysByKind) -> Result<()> {
    let master = new.get(&CrossSigningKind::Master).or_else(|| stored.get(&CrossSigningKind::Master));
    let Some(master) = master else {
        return Err(Error::missing_param("There is no master key that could have signed these keys."));
    };
    for (kind, key) in new {
        if *kind != CrossSigningKind::Master && !key.signed.is_signed_by(&user.id, &master.public_key) {
            return Err(Error::invalid_signature("The master key has not signed this key, or not correctly."));
        }
    }
    Ok(())
}

fn changes(user: &User, new: KeysByKind, stored: &KeysByKind) -> Vec<KeyChange> {
    let mut changes = Vec::new();
    if new.contains_key(&CrossSigningKind::Master) {
        // Keys that the former master key signed are nobody's any more.
        let orphans = [CrossSigningKind::SelfSigning, CrossSigningKind::UserSigning];
        let orphans = orphans.into_iter().filter(|kind| stored.contains_key(kind) && !new.contains_key(kind));
        changes.extend(orphans.map(|kind| KeyChange::NoCrossSigning(user.nid, kind)));
    }
    changes.extend(new.into_iter().map(|(kind, key)| {
        KeyChange::CrossSigning(CrossSigningRow {
            user: user.nid,
            kind,
            expected: stored.get(&kind).map(|old| old.public_key.clone()),
            json: Arc::from(key.signed.to_json()),
            public_key: key.public_key,
        })
    }));
    changes
}
