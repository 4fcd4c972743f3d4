//! A list of passwords that were stolen somewhere, in a file that may be far larger than memory.
//!
//! Either it holds SHA-1 hashes in their order, a line each, with or without `:` and a count after
//! them, as haveibeenpwned.com publishes them: then it is searched by halves. Or it holds the
//! passwords themselves: then it is read from the beginning, which suits a few million of them.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use anyhow::Context;
use sha1::{Digest, Sha1};

use crate::{Error, Result, secrets::hex};

#[cfg(test)]
mod tests;

/// Hexadecimal digits of a SHA-1 hash.
const HASH_DIGITS: usize = 40;
/// At so many places it is looked whether the hashes are in order.
const SAMPLES: u64 = 64;

/// The list.
#[derive(Clone, Debug)]
pub(super) struct Breached {
    path: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Hashes,
    Passwords,
}

impl Breached {
    /// Looks what kind of list is in the file, and whether hashes are in order.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let kind = kind(path).with_context(|| format!("passwords.breached_file: {}", path.display()))?;
        let Some(kind) = kind else {
            return Err(Error::internal(format!(
                "passwords.breached_file: the hashes in {} are not in order",
                path.display()
            )));
        };
        Ok(Self { path: path.to_owned(), kind })
    }

    /// Whether the list has a password. Reads from the disk, so call it where that may take a while.
    pub(super) fn contains(&self, password: &[u8]) -> Result<bool> {
        let found = File::open(&self.path).and_then(|file| match self.kind {
            Kind::Hashes => find_hash(&mut BufReader::new(file), &hex(&Sha1::digest(password)).to_ascii_uppercase()),
            Kind::Passwords => find_line(&mut BufReader::new(file), password),
        });
        Ok(found.with_context(|| format!("reading {}", self.path.display()))?)
    }
}

/// What kind of list it is; `None` if it has hashes out of order.
fn kind(path: &Path) -> io::Result<Option<Kind>> {
    let mut file = BufReader::new(File::open(path)?);
    let length = file.get_ref().metadata()?.len();
    let Some(first) = line_from(&mut file, 0)?.and_then(|line| line.hash) else { return Ok(Some(Kind::Passwords)) };
    let mut last = first;
    for sample in 1..SAMPLES {
        let Some(line) = line_from(&mut file, length / SAMPLES * sample)? else { break };
        match line.hash {
            Some(hash) if hash >= last => last = hash,
            _ => return Ok(None),
        }
    }
    Ok(Some(Kind::Hashes))
}

/// A line of a list of hashes.
struct Line {
    start: u64,
    end: u64,
    /// The hash in it, in capitals.
    hash: Option<String>,
}

/// The first line that begins at `offset` or later.
fn line_from(file: &mut BufReader<File>, offset: u64) -> io::Result<Option<Line>> {
    let mut text = Vec::new();
    let mut start = offset;
    if offset > 0 {
        file.seek(SeekFrom::Start(offset - 1))?;
        start += file.read_until(b'\n', &mut text)? as u64 - 1;
        text.clear();
    } else {
        file.rewind()?;
    }
    let length = file.read_until(b'\n', &mut text)? as u64;
    let hash = text.get(..HASH_DIGITS).filter(|hash| hash.iter().all(u8::is_ascii_hexdigit));
    let ends = matches!(text.get(HASH_DIGITS), None | Some(b':' | b'\r' | b'\n'));
    let hash = hash.filter(|_| ends).map(|hash| String::from_utf8_lossy(hash).to_ascii_uppercase());
    Ok((length > 0).then_some(Line { start, end: start + length, hash }))
}

/// Whether a hash is in the file, whose lines are in order.
fn find_hash(file: &mut BufReader<File>, wanted: &str) -> io::Result<bool> {
    // If it is there, its line begins in this range.
    let (mut low, mut high) = (0, file.get_ref().metadata()?.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match line_from(file, middle)? {
            Some(Line { start, end, hash: Some(hash) }) if start < high => match hash.as_str().cmp(wanted) {
                std::cmp::Ordering::Equal => return Ok(true),
                std::cmp::Ordering::Less => low = end,
                std::cmp::Ordering::Greater => high = middle,
            },
            _ => high = middle,
        }
    }
    Ok(false)
}

/// Whether a line is in the file.
fn find_line(file: &mut BufReader<File>, wanted: &[u8]) -> io::Result<bool> {
    let mut line = Vec::new();
    while file.read_until(b'\n', &mut line)? > 0 {
        if line.strip_suffix(b"\n").map_or(&*line, |line| line.strip_suffix(b"\r").unwrap_or(line)) == wanted {
            return Ok(true);
        }
        line.clear();
    }
    Ok(false)
}
