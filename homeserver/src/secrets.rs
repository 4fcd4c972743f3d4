//! Random tokens, keyed hashes and encryption of sensitive columns. Secrets are never logged.

pub mod files;

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use hmac::{Hmac, Mac};
use rand::{Rng, RngCore, distr::Alphanumeric};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{Error, Result};

/// Bytes of the master key.
pub const KEY_LENGTH: usize = 32;
/// Bytes of a keyed hash.
pub const HASH_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 24;

/// The keys that protect what is stored, derived from one master key kept outside the database.
#[derive(Clone)]
pub struct Secrets {
    hashing: Zeroizing<[u8; KEY_LENGTH]>,
    encryption: XChaCha20Poly1305,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    /// Derives the working keys from the master key.
    pub fn new(master: &[u8; KEY_LENGTH]) -> Self {
        let hashing = keyed(master, b"salon: hashing");
        let encryption = Zeroizing::new(keyed(master, b"salon: encryption"));
        Self { hashing: Zeroizing::new(hashing), encryption: XChaCha20Poly1305::new((&*encryption).into()) }
    }

    /// The keyed hash under which a token is stored: HMAC-SHA-256 of `purpose`, a zero byte and
    /// `token`.
    pub fn hash(&self, purpose: &str, token: &str) -> [u8; HASH_LENGTH] {
        let mut message = Vec::with_capacity(purpose.len() + 1 + token.len());
        message.extend_from_slice(purpose.as_bytes());
        message.push(0);
        message.extend_from_slice(token.as_bytes());
        keyed(&self.hashing, &message)
    }

    /// Encrypts `plain`, bound to `context` (the table and row it belongs to).
    pub fn seal(&self, context: &str, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LENGTH];
        rand::rng().fill_bytes(&mut nonce);
        let payload = Payload { msg: plain, aad: context.as_bytes() };
        let sealed = self
            .encryption
            .encrypt(XNonce::from_slice(&nonce), payload)
            .expect("a column is far below the cipher's limit of 256 GiB");
        [nonce.as_slice(), &sealed].concat()
    }

    /// Decrypts what [`Self::seal`] made with the same key and `context`.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let unreadable = || Error::internal(format!("{context} cannot be decrypted with this key"));
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LENGTH).ok_or_else(unreadable)?;
        let payload = Payload { msg: sealed, aad: context.as_bytes() };
        let plain = self.encryption.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| unreadable())?;
        Ok(Zeroizing::new(plain))
    }
}

fn keyed(key: &[u8; KEY_LENGTH], message: &[u8]) -> [u8; HASH_LENGTH] {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// A token of 256 random bits after `prefix`, URL-safe.
pub fn token(prefix: &str) -> String {
    let mut bytes = Zeroizing::new([0; 32]);
    rand::rng().fill_bytes(&mut *bytes);
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(*bytes))
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `N` random bytes.
pub fn bytes<const N: usize>() -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    rand::rng().fill_bytes(&mut *bytes);
    bytes
}

/// A random text of `length` characters of `alphabet`, which is ASCII.
pub fn text(length: usize, alphabet: &[u8]) -> String {
    let mut random = rand::rng();
    (0..length).map(|_| char::from(alphabet[random.random_range(0..alphabet.len())])).collect()
}

/// Bytes as URL-safe text.
pub fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A random identifier of `length` letters and digits, for things that need no secrecy.
pub fn identifier(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

/// A random identifier of `length` capital letters, as device IDs are.
pub fn capitals(length: usize) -> String {
    let mut random = rand::rng();
    (0..length).map(|_| char::from(random.random_range(b'A'..=b'Z'))).collect()
}

/// A new master key.
pub fn master_key() -> Zeroizing<[u8; KEY_LENGTH]> {
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    rand::rng().fill_bytes(&mut *key);
    key
}
