//! JSON objects that carry signatures, and whether these are right.

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, SigningKeyAlgorithm, UserId,
    encryption::DeviceKeys,
    serde::{Base64, Raw, base64::Standard},
    signatures,
};
use serde_json::value::RawValue;

use crate::{Error, Result};

/// Largest object that is taken, in bytes.
const SIZE_LIMIT: usize = 64 << 10;
/// The algorithm of all keys that sign.
const ED25519: &str = "ed25519:";

/// A JSON object that can be signed.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    object: CanonicalJsonObject,
    /// The canonical form that signatures are made of.
    canonical: String,
}

impl Signed {
    /// Reads what a client sent; refuses what has no canonical form. Forgets `unsigned`, which is
    /// for servers to fill in.
    pub(super) fn read(json: &RawValue) -> Result<Self> {
        if json.get().len() > SIZE_LIMIT {
            return Err(Error::too_large("A key is larger than 65,536 bytes."));
        }
        let value = serde_json::from_str(json.get())
            .map_err(|fault| Error::bad_json(format!("A key is not canonical JSON: {fault}.")))?;
        let CanonicalJsonValue::Object(object) = value else {
            return Err(Error::bad_json("A key is not a JSON object."));
        };
        Self::new(object).map_err(|fault| Error::bad_json(format!("A key cannot be signed: {fault}.")))
    }

    /// Reads what was stored.
    pub(super) fn load(json: &str) -> Result<Self> {
        let object = serde_json::from_str(json)
            .map_err(|fault| Error::internal(format!("a stored key is malformed: {fault}")))?;
        Self::new(object).map_err(|fault| Error::internal(format!("a stored key is malformed: {fault}")))
    }

    fn new(mut object: CanonicalJsonObject) -> Result<Self, signatures::JsonError> {
        object.remove("unsigned");
        let canonical = signatures::to_canonical_json_string_for_signing(&object)?;
        Ok(Self { object, canonical })
    }

    /// Whether the objects differ in nothing but their signatures.
    pub(super) fn is_same_but_for_signatures(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }

    /// What is signed, as `T`.
    pub(super) fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.to_json())
            .map_err(|fault| Error::bad_json(format!("A key lacks something or has it wrong: {fault}.")))
    }

    /// The names of the Ed25519 keys with which `user` has signed, and the signatures.
    pub(super) fn signatures_of(&self, user: &UserId) -> Vec<(&str, &str)> {
        let of_user = self
            .object
            .get("signatures")
            .and_then(CanonicalJsonValue::as_object)
            .and_then(|all| all.get(user.as_str()));
        let Some(CanonicalJsonValue::Object(of_user)) = of_user else { return Vec::new() };
        of_user
            .iter()
            .filter_map(|(key_id, signature)| Some((key_id.strip_prefix(ED25519)?, signature.as_str()?)))
            .collect()
    }

    /// The signature of `user` with the key named `key`.
    pub(super) fn signature(&self, user: &UserId, key: &str) -> Option<&str> {
        self.signatures_of(user).into_iter().find_map(|(name, signature)| (name == key).then_some(signature))
    }

    /// Whether `signature` is one of this object with the private half of `public_key`. Both are
    /// base64.
    pub(super) fn is_signature(&self, signature: &str, public_key: &str) -> bool {
        let (Some(signature), Some(public_key)) = (decode(signature), decode(public_key)) else { return false };
        let algorithm = SigningKeyAlgorithm::Ed25519;
        signatures::verify_canonical_json_bytes(&algorithm, &public_key, &signature, self.canonical.as_bytes()).is_ok()
    }

    /// Whether `user` has signed with the key that is named like its public half, as cross-signing
    /// keys are.
    pub(super) fn is_signed_by(&self, user: &UserId, public_key: &str) -> bool {
        self.signature(user, public_key).is_some_and(|signature| self.is_signature(signature, public_key))
    }

    /// Takes away the signatures of everyone but `user`.
    pub(super) fn retain_signatures_of(&mut self, user: &UserId) {
        if let Some(CanonicalJsonValue::Object(signatures)) = self.object.get_mut("signatures") {
            signatures.retain(|signer, _| signer == user.as_str());
        }
    }

    /// Adds a signature of `user` with the key named `key`.
    pub(super) fn add_signature(&mut self, user: &UserId, key: &str, signature: String) {
        let signatures = object_in(&mut self.object, "signatures");
        let of_user = object_in(signatures, user.as_str());
        of_user.insert(format!("{ED25519}{key}"), CanonicalJsonValue::String(signature));
    }

    /// Sets what servers add outside of the signatures.
    pub(super) fn set_unsigned(&mut self, unsigned: CanonicalJsonObject) {
        self.object.insert("unsigned".to_owned(), CanonicalJsonValue::Object(unsigned));
    }

    /// The whole object as JSON.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(&self.object).expect("canonical JSON can always be serialised")
    }

    /// The whole object, for an answer that calls it a `T`.
    pub(super) fn to_raw<T>(&self) -> Raw<T> {
        Raw::from_json(RawValue::from_string(self.to_json()).expect("what was serialised is JSON"))
    }
}

/// The object under `key`, which is put there if there is none.
fn object_in<'a>(parent: &'a mut CanonicalJsonObject, key: &str) -> &'a mut CanonicalJsonObject {
    let slot = parent.entry(key.to_owned()).or_insert_with(|| CanonicalJsonValue::Object(CanonicalJsonObject::new()));
    if !slot.is_object() {
        *slot = CanonicalJsonValue::Object(CanonicalJsonObject::new());
    }
    slot.as_object_mut().expect("it was made an object just now")
}

fn decode(base64: &str) -> Option<Vec<u8>> {
    Base64::<Standard>::parse(base64).ok().map(Base64::into_inner)
}

/// Whether `text` is an Ed25519 public key in unpadded base64, in the one way in which it can be
/// written.
pub(super) fn is_public_key(text: &str) -> bool {
    Base64::<Standard>::parse(text).is_ok_and(|key| key.as_bytes().len() == 32 && key.encode() == text)
}

/// The Ed25519 key of a device, by which it signs.
pub(super) fn signing_key(device: &DeviceKeys) -> Option<&str> {
    device.keys.iter().find_map(|(key_id, key)| {
        let name = key_id.as_str().strip_prefix(ED25519)?;
        (name == device.device_id.as_str()).then_some(&**key)
    })
}
