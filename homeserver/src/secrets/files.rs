//! Secrets in files of their own, made at the first start, readable by their owner alone; and those that
//! operators put there.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, chown},
    path::{Path, PathBuf},
};

use anyhow::Context;
use zeroize::Zeroizing;

use super::KeyRing;
use crate::{Error, Result};

/// The keys in the file `path`; new ones are put there if the file does not exist.
pub fn key_ring(path: &Path) -> Result<KeyRing> {
    let text = read_or_make(path, || KeyRing::generate().text())?;
    KeyRing::parse(&text, &path.display().to_string())
}

/// Puts `keys` in the place of those in the file `path`.
pub fn replace_key_ring(path: &Path, keys: &KeyRing) -> Result<()> {
    let replace = || -> anyhow::Result<()> {
        let draft = draft(path, &keys.text())?;
        let (there, here) = (fs::metadata(path)?, fs::metadata(&draft)?);
        // The server may run as somebody else than who changes the keys.
        if (there.uid(), there.gid()) != (here.uid(), here.gid()) {
            chown(&draft, Some(there.uid()), Some(there.gid()))?;
        }
        Ok(fs::rename(draft, path)?)
    };
    Ok(replace().with_context(|| format!("writing {}", path.display()))?)
}

/// The secret word in the file `path`; a new one is put there if the file does not exist.
pub fn word(path: &Path) -> Result<Zeroizing<String>> {
    let word = read_or_make(path, || Zeroizing::new(super::token("")))?;
    if word.is_empty() {
        return Err(Error::internal(format!("{} is empty", path.display())));
    }
    Ok(word)
}

/// The secret word in the file `path`, which somebody else gave out.
pub fn given(path: &Path) -> Result<Zeroizing<String>> {
    let word = read(path)?.ok_or_else(|| Error::internal(format!("there is no file {}", path.display())))?;
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
    let draft = draft(path, text)?;
    let linked = match fs::hard_link(&draft, path) {
        Err(fault) if fault.kind() == ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    };
    fs::remove_file(&draft)?;
    Ok(linked?)
}

/// Writes a new file beside `path`, for its owner alone.
fn draft(path: &Path, text: &str) -> anyhow::Result<PathBuf> {
    let draft = path.with_added_extension(super::identifier(8));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    if let Err(fault) = writeln!(file, "{}", text.trim_end()).and_then(|()| file.sync_all()) {
        // What is left of it would be half a secret.
        let _ = fs::remove_file(&draft);
        return Err(fault.into());
    }
    Ok(draft)
}
