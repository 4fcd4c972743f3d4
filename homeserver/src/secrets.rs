//! Random tokens, keyed hashes and encryption of sensitive columns. Secrets are never logged.
//!
//! What is encrypted begins with the number of the key that it was encrypted with, so there can be
//! several: the newest encrypts, all decrypt. The key of the hashes never changes, because tokens
//! cannot be hashed again.

pub mod columns;
pub mod files;
mod keys;
mod personal;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use hmac::{Hmac, Mac};
use rand::{Rng, RngCore, distr::Alphanumeric};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use tracing::{info, warn};
use zeroize::Zeroizing;

pub use self::{columns::SealedColumn, keys::KeyRing};
use crate::{Error, Result, config::Config, tasks::Tasks};

/// Bytes of a key.
pub const KEY_LENGTH: usize = 32;
/// Bytes of a keyed hash.
pub const HASH_LENGTH: usize = 32;
/// What everything encrypted begins with: the version of this form, and the number of the key.
pub const HEADER_LENGTH: usize = 3;
/// The version of the form.
const VERSION: u8 = 1;
const NONCE_LENGTH: usize = 24;
/// How often a key file is looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// The keys that protect what is stored, kept outside the database; clones share them.
#[derive(Clone)]
pub struct Secrets(Arc<Inner>);

struct Inner {
    hashing: Zeroizing<[u8; KEY_LENGTH]>,
    ciphers: RwLock<Ciphers>,
    /// Where new keys appear; none if they are given by the configuration.
    file: Option<PathBuf>,
}

struct Ciphers {
    current: u16,
    all: BTreeMap<u16, XChaCha20Poly1305>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    /// The keys that the configuration gives or names the file of, which is made if there is none.
    pub fn of(config: &Config) -> Result<Self> {
        match &config.secrets.keys {
            Some(keys) => Ok(Self::new(&KeyRing::parse(keys.expose(), "secrets.keys")?, None)),
            None => {
                let path = config.key_file();
                Ok(Self::new(&files::key_ring(&path)?, Some(path)))
            }
        }
    }

    /// Prepares `keys` for use; they came from `file`, if from any.
    pub fn new(keys: &KeyRing, file: Option<PathBuf>) -> Self {
        let hashing = Zeroizing::new(keyed(keys.hashing(), b"salon: hashing"));
        Self(Arc::new(Inner { hashing, ciphers: RwLock::new(ciphers(keys)), file }))
    }

    /// Keys that are the same each time.
    #[cfg(test)]
    pub fn for_tests() -> Self {
        let key = "Bw".to_owned() + &"cHBw".repeat(10) + "c";
        let keys = KeyRing::parse(&format!("hashing:{key} 1:{key}"), "here").expect("it is well-formed");
        Self::new(&keys, None)
    }

    /// The keyed hash under which a token is stored: HMAC-SHA-256 of `purpose`, a zero byte and
    /// `token`. It stays the same whatever key encrypts.
    pub fn hash(&self, purpose: &str, token: &str) -> [u8; HASH_LENGTH] {
        self.hash_bytes(purpose, token.as_bytes())
    }

    /// The same for what is not text.
    pub fn hash_bytes(&self, purpose: &str, bytes: &[u8]) -> [u8; HASH_LENGTH] {
        let mut message = Vec::with_capacity(purpose.len() + 1 + bytes.len());
        message.extend_from_slice(purpose.as_bytes());
        message.push(0);
        message.extend_from_slice(bytes);
        keyed(&self.0.hashing, &message)
    }

    /// Encrypts `plain` for `column` of the row with this `key`, to which it is bound. Columns are
    /// listed in [`columns`].
    pub fn seal(&self, column: &SealedColumn, key: &[&dyn Display], plain: &[u8]) -> Vec<u8> {
        self.seal_bound(&column.binding(key), plain)
    }

    /// Decrypts what [`Self::seal`] made for the same column and row.
    pub fn open(&self, column: &SealedColumn, key: &[&dyn Display], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        self.open_bound(&column.binding(key), sealed)
            .map_err(|fault| Error::Internal(anyhow::Error::from(fault).context(column.to_string())))
    }

    /// What [`Self::open`] found, as text.
    pub fn open_text(&self, column: &SealedColumn, key: &[&dyn Display], sealed: &[u8]) -> Result<String> {
        let plain = self.open(column, key, sealed)?;
        String::from_utf8(plain.to_vec()).map_err(|_| Error::internal(format!("{column} is not UTF-8")))
    }

    /// Encrypts with the newest key what was encrypted with another.
    pub fn reseal(&self, column: &SealedColumn, key: &[&dyn Display], sealed: &[u8]) -> Result<Vec<u8>> {
        Ok(self.seal(column, key, &self.open(column, key, sealed)?))
    }

    /// How what is encrypted with the newest key begins.
    pub fn current_header(&self) -> [u8; HEADER_LENGTH] {
        header(self.0.ciphers.read().unwrap_or_else(PoisonError::into_inner).current)
    }

    /// Looks for keys that were added to the file, or taken away.
    pub fn reload(&self) -> Result<()> {
        let Some(path) = &self.0.file else { return Ok(()) };
        let keys = files::key_ring(path)?;
        let hashing = Zeroizing::new(keyed(keys.hashing(), b"salon: hashing"));
        if !bool::from(hashing.ct_eq(&*self.0.hashing)) {
            return Err(Error::internal(format!("the hashing key in {} is another than before", path.display())));
        }
        *self.0.ciphers.write().unwrap_or_else(PoisonError::into_inner) = ciphers(&keys);
        Ok(())
    }

    /// Uses new keys as soon as they stand in the file.
    pub fn watch(&self, tasks: &Tasks) {
        let Some(path) = self.0.file.clone() else { return };
        let secrets = self.clone();
        tasks.start("keys", move |stop| {
            let (secrets, path) = (secrets.clone(), path.clone());
            async move {
                let changed_at = async || tokio::fs::metadata(&path).await.and_then(|about| about.modified()).ok();
                let mut known = changed_at().await;
                loop {
                    tokio::select! {
                        () = tokio::time::sleep(WATCH_INTERVAL) => {}
                        () = stop.cancelled() => return,
                    }
                    let found = changed_at().await;
                    if found.is_some() && found != known {
                        match secrets.reload() {
                            Ok(()) => info!("The key file has changed and is used from now on"),
                            Err(error) => warn!(%error, "The key file has changed and cannot be used"),
                        }
                        known = found;
                    }
                }
            }
        });
    }

    fn seal_bound(&self, binding: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LENGTH];
        rand::rng().fill_bytes(&mut nonce);
        let ciphers = self.0.ciphers.read().unwrap_or_else(PoisonError::into_inner);
        let header = header(ciphers.current);
        let payload = Payload { msg: plain, aad: &[&header, binding].concat() };
        let sealed = ciphers.all[&ciphers.current]
            .encrypt(XNonce::from_slice(&nonce), payload)
            .expect("a column is far below the cipher's limit of 256 GiB");
        [header.as_slice(), &nonce, &sealed].concat()
    }

    fn open_bound(&self, binding: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let malformed = || Error::internal("this was not encrypted by Salon");
        let (header, rest) = sealed.split_first_chunk::<HEADER_LENGTH>().ok_or_else(malformed)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LENGTH).ok_or_else(malformed)?;
        let [VERSION, key @ ..] = *header else { return Err(malformed()) };
        let cipher = self.cipher(u16::from_be_bytes(key))?;
        let payload = Payload { msg: sealed, aad: &[header.as_slice(), binding].concat() };
        let plain = cipher.decrypt(XNonce::from_slice(nonce), payload);
        plain
            .map(Zeroizing::new)
            .map_err(|_| Error::internal("this was encrypted with another key, or for another row"))
    }

    /// A key that is not known may just have been made.
    fn cipher(&self, key: u16) -> Result<XChaCha20Poly1305> {
        let find = || self.0.ciphers.read().unwrap_or_else(PoisonError::into_inner).all.get(&key).cloned();
        if let Some(cipher) = find() {
            return Ok(cipher);
        }
        self.reload()?;
        find().ok_or_else(|| Error::internal(format!("this was encrypted with key {key}, which is not there")))
    }
}

fn ciphers(keys: &KeyRing) -> Ciphers {
    let cipher = |key: &[u8; KEY_LENGTH]| {
        let working = Zeroizing::new(keyed(key, b"salon: encryption"));
        XChaCha20Poly1305::new((&*working).into())
    };
    Ciphers { current: keys.current(), all: keys.all().map(|(id, key)| (id, cipher(key))).collect() }
}

/// How what is encrypted with `key` begins.
fn header(key: u16) -> [u8; HEADER_LENGTH] {
    let [high, low] = key.to_be_bytes();
    [VERSION, high, low]
}

/// The number of the key that something was encrypted with.
pub fn key_of(sealed: &[u8]) -> Option<u16> {
    match *sealed.first_chunk::<HEADER_LENGTH>()? {
        [VERSION, key @ ..] => Some(u16::from_be_bytes(key)),
        _ => None,
    }
}

fn keyed(key: &[u8; KEY_LENGTH], message: &[u8]) -> [u8; HASH_LENGTH] {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Where the keys stand that [`Secrets::of`] takes.
pub fn source(config: &Config) -> String {
    match &config.secrets.keys {
        Some(_) => "secrets.keys".to_owned(),
        None => config.key_file().display().to_string(),
    }
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
