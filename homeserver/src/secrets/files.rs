//! Secrets in files of their own, made at the first start, readable by their owner alone.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::Context;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::KEY_LENGTH;
use crate::{Error, Result};

/// The master key in the file `path`; a new one is put there if the file does not exist.
pub fn master_key(path: &Path) -> Result<Zeroizing<[u8; KEY_LENGTH]>> {
    let text = read_or_make(path, || Zeroizing::new(URL_SAFE_NO_PAD.encode(*super::master_key())))?;
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.as_bytes()).unwrap_or_default());
    let key = <[u8; KEY_LENGTH]>::try_from(bytes.as_slice());
    Ok(Zeroizing::new(key.map_err(|_| {
        Error::internal(format!("{} does not hold a key of {KEY_LENGTH} bytes in base64", path.display()))
    })?))
}

/// The secret word in the file `path`; a new one is put there if the file does not exist.
pub fn word(path: &Path) -> Result<Zeroizing<String>> {
    let word = read_or_make(path, || Zeroizing::new(super::token("")))?;
    if word.is_empty() {
        return Err(Error::internal(format!("{} is empty", path.display())));
    }
    Ok(word)
}

fn read_or_make(path: &Path, make: impl FnOnce() -> Zeroizing<String>) -> Result<Zeroizing<String>> {
    if let Some(text) = read(path)? {
        return Ok(text);
    }
    write(path, &make()).with_context(|| format!("making {}", path.display()))?;
    // Read back what is there: another process may have been faster.
    read(path)?.ok_or_else(|| Error::internal(format!("{} has vanished", path.display())))
}

fn read(path: &Path) -> Result<Option<Zeroizing<String>>> {
    match fs::read_to_string(path).map(Zeroizing::new) {
        Ok(text) => Ok(Some(Zeroizing::new(text.trim().to_owned()))),
        Err(fault) if fault.kind() == ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(anyhow::Error::new(fault).context(format!("reading {}", path.display())).into()),
    }
}

/// Writes beside `path` and links it there whole, so that neither a crash nor another process that
/// does the same can leave half a secret, or replace one that is in use.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let draft = path.with_added_extension(super::identifier(8));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = writeln!(file, "{text}").and_then(|()| file.sync_all());
    let linked = written.and_then(|()| match fs::hard_link(&draft, path) {
        Err(fault) if fault.kind() == ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    });
    fs::remove_file(&draft)?;
    Ok(linked?)
}
