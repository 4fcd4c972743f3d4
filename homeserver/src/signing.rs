//! The server's Ed25519 key: signs events, JSON and requests.

use std::sync::Arc;

use ruma::{
    OwnedServerName, ServerName,
    canonical_json::CanonicalJsonObject,
    room_version_rules::RedactionRules,
    signatures::{self, Ed25519KeyPair},
};

use crate::{
    Error, Result,
    secrets::{Secrets, columns},
};

/// The name under which the key is stored.
pub const SETTING: &str = "signing_key";

/// The signing key of one server; clones share it.
#[derive(Clone, Debug)]
pub struct SigningKey {
    key: Arc<Ed25519KeyPair>,
    server_name: OwnedServerName,
}

/// Makes a new key; returns it sealed, as it is stored.
pub fn generate(secrets: &Secrets) -> Vec<u8> {
    let document = Ed25519KeyPair::generate();
    secrets.seal(&columns::SIGNING_KEY, &[&SETTING], &document)
}

impl SigningKey {
    /// Opens a key that [`generate`] made.
    pub fn open(sealed: &[u8], secrets: &Secrets, server_name: OwnedServerName) -> Result<Self> {
        let document = secrets.open(&columns::SIGNING_KEY, &[&SETTING], sealed)?;
        let unreadable =
            |fault: &dyn std::fmt::Display| Error::internal(format!("the signing key is unreadable: {fault}"));
        let version = short_version(&document);
        let key = Ed25519KeyPair::from_der(&document, version).map_err(|fault| unreadable(&fault))?;
        Ok(Self { key: Arc::new(key), server_name })
    }

    /// The server that signs.
    pub fn server_name(&self) -> &ServerName {
        &self.server_name
    }

    /// The key pair.
    pub fn key(&self) -> &Ed25519KeyPair {
        &self.key
    }

    /// Adds the content hash and this server's signature to an event.
    pub fn sign_event(&self, event: &mut CanonicalJsonObject, rules: &RedactionRules) -> Result<()> {
        signatures::hash_and_sign_event(self.server_name.as_str(), &*self.key, event, rules).map_err(
            |fault| match fault {
                signatures::JsonError::PduTooLarge => Error::too_large("The event is larger than 65,536 bytes."),
                fault => Error::bad_json(format!("The event cannot be signed: {fault}.")),
            },
        )
    }

    /// Adds this server's signature to any JSON object.
    pub fn sign_json(&self, object: &mut CanonicalJsonObject) -> Result<()> {
        signatures::sign_json(self.server_name.as_str(), &*self.key, object)
            .map_err(|fault| Error::internal(format!("JSON could not be signed: {fault}")))
    }
}

/// A name for the key that follows from it, so that a new key has a new name.
fn short_version(document: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(document)[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}
