//! The keys of a server as text: one line, or one word, each.
//!
//! ```text
//! hashing:3q2-…   the key of all keyed hashes; it never changes
//! 1:AbC…          keys that encrypt, by number; the one with the highest is used for what is new
//! 2:xYz…
//! ```

use std::{collections::BTreeMap, fmt::Write};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::RngCore;
use zeroize::Zeroizing;

use super::KEY_LENGTH;
use crate::{Error, Result};

/// What the hashing key is called.
const HASHING: &str = "hashing";

type Key = Zeroizing<[u8; KEY_LENGTH]>;

/// The keys of a server. There is at least one that encrypts.
#[derive(Clone)]
pub struct KeyRing {
    hashing: Key,
    encrypting: BTreeMap<u16, Key>,
}

impl KeyRing {
    /// New keys.
    pub fn generate() -> Self {
        Self { hashing: random(), encrypting: BTreeMap::from([(1, random())]) }
    }

    /// Reads keys; `from` is where they stand, for complaints.
    pub fn parse(text: &str, from: &str) -> Result<Self> {
        let wrong = |what: &str| Error::internal(format!("{from}: {what}"));
        let (mut hashing, mut encrypting) = (None, BTreeMap::new());
        for word in text.split_whitespace() {
            let (name, key) = word.split_once(':').ok_or_else(|| wrong("a key is written NAME:BASE64"))?;
            let key = decode(key).ok_or_else(|| wrong("a key has 32 bytes in base64"))?;
            let is_new = match name.parse::<u16>() {
                Ok(id) => encrypting.insert(id, key).is_none(),
                Err(_) if name == HASHING => hashing.replace(key).is_none(),
                Err(_) => return Err(wrong("a key is called \"hashing\" or by a number up to 65535")),
            };
            if !is_new {
                return Err(wrong("two keys have the same name"));
            }
        }
        match hashing {
            Some(hashing) if !encrypting.is_empty() => Ok(Self { hashing, encrypting }),
            _ => Err(wrong("a key called \"hashing\" and one with a number are needed")),
        }
    }

    /// The keys as [`Self::parse`] reads them.
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(format!("{HASHING}:{}\n", URL_SAFE_NO_PAD.encode(*self.hashing)));
        for (id, key) in &self.encrypting {
            writeln!(text, "{id}:{}", URL_SAFE_NO_PAD.encode(**key)).expect("writing to a string cannot fail");
        }
        text
    }

    /// The key of all keyed hashes.
    pub fn hashing(&self) -> &[u8; KEY_LENGTH] {
        &self.hashing
    }

    /// The keys that decrypt, by number.
    pub fn all(&self) -> impl Iterator<Item = (u16, &[u8; KEY_LENGTH])> {
        self.encrypting.iter().map(|(id, key)| (*id, &**key))
    }

    /// The number of the key that encrypts.
    pub fn current(&self) -> u16 {
        *self.encrypting.last_key_value().expect("there is at least one").0
    }

    /// Adds a new key, which encrypts from now on, and returns its number.
    pub fn add(&mut self) -> Result<u16> {
        let full = || Error::internal("there is no number left for another key");
        let id = self.current().checked_add(1).ok_or_else(full)?;
        self.encrypting.insert(id, random());
        Ok(id)
    }

    /// Takes away all keys that do not encrypt any more; returns their numbers.
    pub fn remove_older(&mut self) -> Vec<u16> {
        let newer = self.encrypting.split_off(&self.current());
        std::mem::replace(&mut self.encrypting, newer).into_keys().collect()
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").field("encrypting", &self.encrypting.keys()).finish_non_exhaustive()
    }
}

fn random() -> Key {
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    rand::rng().fill_bytes(&mut *key);
    key
}

fn decode(text: &str) -> Option<Key> {
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
    <[u8; KEY_LENGTH]>::try_from(bytes.as_slice()).ok().map(Zeroizing::new)
}
