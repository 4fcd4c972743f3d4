//! What a user's client does for end-to-end encryption: real Ed25519 keys and signatures.

use std::collections::BTreeSet;

use ruma::{
    CanonicalJsonValue, DeviceId, UserId,
    serde::{Base64, base64::Standard},
    signatures::{Ed25519KeyPair, sign_json},
};
use serde_json::{Map, Value, json};

use crate::{Answer, TestUser, segment};

/// A key that signs JSON.
#[derive(Debug)]
pub struct Signer {
    key: Ed25519KeyPair,
    /// The public half in unpadded base64.
    pub public_key: String,
}

impl Signer {
    /// A new key of a device.
    pub fn device(device_id: &DeviceId) -> Self {
        Self::new(|_| device_id.to_string())
    }

    /// A new cross-signing key, which is named like its public half.
    pub fn cross_signing() -> Self {
        Self::new(ToOwned::to_owned)
    }

    fn new(name: impl FnOnce(&str) -> String) -> Self {
        let document = Ed25519KeyPair::generate();
        let pair = |name: String| Ed25519KeyPair::from_der(&document, name).expect("a new key is valid");
        let public_key = Base64::<Standard, _>::new(pair(String::new()).public_key()).encode();
        Self { key: pair(name(&public_key)), public_key }
    }

    /// `object` with a signature of `user` added.
    pub fn sign(&self, user: &UserId, object: Value) -> Value {
        let object = CanonicalJsonValue::try_from(object).expect("the object has a canonical form");
        let CanonicalJsonValue::Object(mut object) = object else { panic!("only objects can be signed") };
        sign_json(user.as_str(), &self.key, &mut object).expect("the object can be signed");
        serde_json::to_value(object).expect("JSON stays JSON")
    }
}

impl TestUser {
    /// The identity keys of this user's device, signed.
    pub fn device_keys(&self, signer: &Signer) -> Value {
        let device_id = &self.device_id;
        let keys = json!({
            "user_id": self.id,
            "device_id": device_id,
            "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
            "keys": {
                format!("ed25519:{device_id}"): signer.public_key,
                format!("curve25519:{device_id}"): "3C5BFWi2Y8MaVvjM8M22DBmh24PmgR0nPvJOIArzgyI",
            },
        });
        signer.sign(&self.id, keys)
    }

    /// Publishes new identity keys of this user's device.
    pub async fn publish_device_keys(&self) -> Signer {
        let signer = Signer::device(&self.device_id);
        let body = json!({ "device_keys": self.device_keys(&signer) });
        self.upload_keys(body).await.expect("the keys can be uploaded");
        signer
    }

    /// Uploads keys of this user's device.
    pub async fn upload_keys(&self, body: Value) -> Answer<Value> {
        self.post("/_matrix/client/v3/keys/upload", body).await
    }

    /// Uploads unsigned one-time keys with these IDs, whose contents are the IDs.
    pub async fn upload_one_time_keys(&self, ids: impl IntoIterator<Item = String>) -> Value {
        let keys: Map<String, Value> =
            ids.into_iter().map(|id| (format!("signed_curve25519:{id}"), json!({ "key": id }))).collect();
        self.upload_keys(json!({ "one_time_keys": keys })).await.expect("the keys can be uploaded")
    }

    /// Asks for all keys of a user.
    pub async fn query_keys(&self, of: &UserId) -> Value {
        let body = json!({ "device_keys": { of.as_str(): [] } });
        self.post("/_matrix/client/v3/keys/query", body).await.expect("keys can be queried")
    }

    /// Claims a one-time key of a user's device: its ID and content, if there is one.
    pub async fn claim_key(&self, of: &TestUser) -> Option<(String, Value)> {
        let body = json!({ "one_time_keys": { of.id.as_str(): { of.device_id.as_str(): "signed_curve25519" } } });
        let answer = self.post("/_matrix/client/v3/keys/claim", body).await.expect("keys can be claimed");
        let keys = answer["one_time_keys"][of.id.as_str()][of.device_id.as_str()].as_object()?;
        assert_eq!(keys.len(), 1, "one key is claimed at a time");
        keys.iter().next().map(|(id, key)| (id.clone(), key.clone()))
    }

    /// A cross-signing key of this user, not signed yet.
    pub fn cross_signing_key(&self, usage: &str, key: &Signer) -> Value {
        let public_key = &key.public_key;
        json!({
            "user_id": self.id,
            "usage": [usage],
            "keys": { format!("ed25519:{public_key}"): public_key },
        })
    }

    /// Uploads cross-signing keys.
    pub async fn upload_cross_signing_keys(&self, body: Value) -> Answer<Value> {
        self.post("/_matrix/client/v3/keys/device_signing/upload", body).await
    }

    /// Uploads signatures; returns the failures.
    pub async fn upload_signatures(&self, body: Value) -> Value {
        let answer = self.post("/_matrix/client/v3/keys/signatures/upload", body).await;
        answer.expect("signatures can be uploaded")["failures"].clone()
    }

    /// Sends messages to devices.
    pub async fn send_to_device(&self, kind: &str, txn_id: &str, messages: Value) -> Answer<Value> {
        let path = format!("/_matrix/client/v3/sendToDevice/{}/{}", segment(kind), segment(txn_id));
        self.put(&path, json!({ "messages": messages })).await
    }

    /// The users whose keys changed since `from`, and those who need not be followed any more.
    pub async fn key_changes(&self, from: &str, to: &str) -> (BTreeSet<String>, BTreeSet<String>) {
        let answer = self.get(&format!("/_matrix/client/v3/keys/changes?from={from}&to={to}")).await;
        let answer = answer.expect("the changes can be read");
        let users = |key: &str| {
            let users = answer[key].as_array().expect("a list of users");
            users.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
        };
        (users("changed"), users("left"))
    }
}
