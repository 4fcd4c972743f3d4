//! Takes signatures on keys that are published already. Only valid ones are stored.

use std::collections::BTreeMap;

use ruma::{
    DeviceId, OwnedUserId, UserId,
    api::client::keys::upload_signatures::v3::{Failure, SignedKeys},
    encryption::DeviceKeys,
};
use serde_json::{json, value::RawValue};

use super::{
    Keys, device_lists,
    signed::{Signed, signing_key},
};
use crate::{
    Error, Result,
    accounts::User,
    storage::{
        keys::{
            changes::{KeyChange, SignatureRow},
            identity::{self, CrossSigningKey, CrossSigningKind},
        },
        numbers::UserNid,
    },
};

/// At most so many keys can be signed by one request.
const KEYS: usize = 1000;

/// What could not be stored, by user and key, and why.
pub type Failures = BTreeMap<OwnedUserId, BTreeMap<String, Failure>>;

/// The caller's own keys, by which signatures are made.
#[derive(Debug)]
struct Signer<'a> {
    user: &'a User,
    keys: Vec<CrossSigningKey>,
}

/// Whose keys are signed.
#[derive(Clone, Copy, Debug)]
struct Target<'a> {
    user_id: &'a UserId,
    nid: UserNid,
}

/// A valid signature, and the device ID or public key of what made it.
#[derive(Debug)]
struct Signature {
    key: String,
    signature: String,
}

impl Signer<'_> {
    fn key(&self, kind: CrossSigningKind) -> Option<&str> {
        self.keys.iter().find_map(|key| (key.kind == kind).then_some(&*key.public_key))
    }
}

impl Keys {
    /// Stores the caller's signatures on keys of its own and on the master keys of others. Each key
    /// fails by itself.
    pub async fn upload_signatures(
        &self,
        user: &User,
        signed_keys: &BTreeMap<OwnedUserId, SignedKeys>,
    ) -> Result<Failures> {
        if signed_keys.values().map(|keys| keys.iter().count()).sum::<usize>() > KEYS {
            return Err(Error::invalid_param("At most 1,000 keys can be signed at a time."));
        }
        let keys = identity::list_cross_signing_keys(&mut *self.storage.conn().await?, &[user.nid]).await?;
        let signer = Signer { user, keys };
        let mut failures = Failures::new();
        for (target_id, keys) in signed_keys {
            let target = self.storage.find_user_nid(target_id).await?.map(|nid| Target { user_id: target_id, nid });
            let mut changes = Vec::new();
            for (key_id, json) in keys.iter() {
                match self.valid_signatures(&signer, target, key_id, json).await {
                    Ok(rows) => changes.extend(rows.into_iter().map(KeyChange::Signature)),
                    Err(Error::Refused { kind, message }) => {
                        let failure = json!({ "errcode": kind.errcode().as_str(), "error": message });
                        let failure = serde_json::from_value(failure).expect("this is what a failure looks like");
                        failures.entry(target_id.clone()).or_default().insert(key_id.to_owned(), failure);
                    }
                    Err(fault) => return Err(fault),
                }
            }
            // Only the signer sees its signatures on another user's key, but its devices learn of
            // them only as changes of that user.
            if let Some(target) = target
                && !changes.is_empty()
            {
                self.log.append(device_lists::change(target.nid, user.nid, changes)).await?;
            }
        }
        Ok(failures)
    }

    /// The signatures in `json`, which has to be the key that is published under `key_id`. Refuses
    /// the key if one of them is not valid.
    async fn valid_signatures(
        &self,
        signer: &Signer<'_>,
        target: Option<Target<'_>>,
        key_id: &str,
        json: &RawValue,
    ) -> Result<Vec<SignatureRow>> {
        let signed = Signed::read(json)?;
        let target = target.ok_or_else(unknown_key)?;
        let signatures = if target.user_id != signer.user.id {
            self.check_is_master_key(target.nid, key_id, &signed).await?;
            vec![signature_by(signer, CrossSigningKind::UserSigning, &signed)?]
        } else if signer.key(CrossSigningKind::Master) == Some(key_id) {
            self.check_is_master_key(target.nid, key_id, &signed).await?;
            self.signatures_by_devices(signer.user, &signed).await?
        } else {
            self.check_is_device(target.nid, key_id.into(), &signed).await?;
            vec![signature_by(signer, CrossSigningKind::SelfSigning, &signed)?]
        };
        let rows = signatures.into_iter().map(|Signature { key, signature }| SignatureRow {
            target: target.nid,
            target_key: key_id.to_owned(),
            signer: signer.user.nid,
            signer_key: key,
            signature,
        });
        Ok(rows.collect())
    }

    async fn check_is_device(&self, target: UserNid, device_id: &DeviceId, signed: &Signed) -> Result<()> {
        let stored = identity::find_device_keys(&mut *self.storage.conn().await?, target, device_id).await?;
        check_is_same(signed, &stored.ok_or_else(unknown_key)?)
    }

    async fn check_is_master_key(&self, target: UserNid, public_key: &str, signed: &Signed) -> Result<()> {
        let keys = identity::list_cross_signing_keys(&mut *self.storage.conn().await?, &[target]).await?;
        let master = keys.into_iter().find(|key| key.kind == CrossSigningKind::Master && key.public_key == public_key);
        check_is_same(signed, &master.ok_or_else(unknown_key)?.json)
    }

    /// The signatures that the caller's devices have made. Those of unknown devices are passed over:
    /// old signatures are uploaded again with new ones.
    async fn signatures_by_devices(&self, user: &User, signed: &Signed) -> Result<Vec<Signature>> {
        let mut valid = Vec::new();
        let mut conn = self.storage.conn().await?;
        for (device_id, signature) in signed.signatures_of(&user.id) {
            let Some(keys) = identity::find_device_keys(&mut conn, user.nid, device_id.into()).await? else { continue };
            let keys: DeviceKeys = Signed::load(&keys)?.parse()?;
            let Some(public_key) = signing_key(&keys) else { continue };
            if !signed.is_signature(signature, public_key) {
                return Err(Error::invalid_signature("The device's signature is not valid."));
            }
            valid.push(Signature { key: device_id.to_owned(), signature: signature.to_owned() });
        }
        if valid.is_empty() {
            return Err(Error::invalid_signature("None of your devices has signed this key."));
        }
        Ok(valid)
    }
}

/// The signature with the signer's key of `kind`.
fn signature_by(signer: &Signer<'_>, kind: CrossSigningKind, signed: &Signed) -> Result<Signature> {
    let public_key = signer.key(kind).ok_or_else(|| {
        Error::invalid_signature("You have not published the cross-signing key that signs such keys.")
    })?;
    let signature = signed
        .signature(&signer.user.id, public_key)
        .ok_or_else(|| Error::invalid_signature("Your cross-signing key has not signed this key."))?;
    if !signed.is_signature(signature, public_key) {
        return Err(Error::invalid_signature("The signature is not valid."));
    }
    Ok(Signature { key: public_key.to_owned(), signature: signature.to_owned() })
}

fn check_is_same(signed: &Signed, stored: &str) -> Result<()> {
    if signed.is_same_but_for_signatures(&Signed::load(stored)?) {
        Ok(())
    } else {
        Err(Error::invalid_param("The signed key is not the one that is published."))
    }
}

fn unknown_key() -> Error {
    Error::not_found("There is no such key.")
}
