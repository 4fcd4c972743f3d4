//! The files of contents, in a tree by their hash. Knows nothing of who has them.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use crate::{Error, Result, secrets, storage::media::contents::ContentHash};

/// Where drafts are written until they are whole.
const DRAFTS: &str = "drafts";
/// Where thumbnails are kept.
const THUMBNAILS: &str = "thumbnails";

/// A directory of contents; clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    directory: Arc<Path>,
}

impl Store {
    /// Opens the store in `directory`, which is made if need be.
    pub fn open(directory: &Path) -> Result<Self> {
        for directory in [directory.to_owned(), directory.join(DRAFTS), directory.join(THUMBNAILS)] {
            create_directory(&directory).with_context(|| format!("making the directory {}", directory.display()))?;
        }
        Ok(Self { directory: directory.into() })
    }

    /// Begins a content that is not whole yet.
    pub async fn begin(&self) -> Result<Draft> {
        let path = self.drafts().join(secrets::identifier(24));
        let file = {
            let path = path.clone();
            blocking(move || OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)).await?
        };
        Ok(Draft { path: DraftPath(path), writer: Some(Box::new((file, Sha256::new()))), size: 0 })
    }

    /// Puts a whole content in its place, durably. It replaces a file that is there, which can only
    /// be the same. The caller holds the row of the content.
    pub async fn place(&self, content: &WholeDraft) -> Result<()> {
        let (from, to) = (content.path.0.clone(), self.path(content.hash));
        blocking(move || {
            let directory = to.parent().expect("a content lies two directories below the store");
            create_directory(directory)?;
            match fs::rename(from, &to) {
                // The transaction around this was tried before, and got to here.
                Err(fault) if fault.kind() == ErrorKind::NotFound && to.try_exists()? => {}
                outcome => outcome?,
            }
            sync_directory(directory)
        })
        .await
    }

    /// Opens the file of a content; `None` if there is none.
    pub async fn read(&self, hash: ContentHash) -> Result<Option<File>> {
        let path = self.path(hash);
        blocking(move || existing(File::open(path))).await
    }

    /// Removes the file of a content and its thumbnails. The caller holds the row of the content.
    pub async fn remove(&self, hash: ContentHash) -> Result<()> {
        let (path, thumbnails) = (self.path(hash), self.thumbnails(hash));
        blocking(move || {
            existing(fs::remove_dir_all(thumbnails))?;
            existing(fs::remove_file(path))?;
            Ok(())
        })
        .await
    }

    /// The directory of a content's thumbnails, which need not exist.
    pub fn thumbnails(&self, hash: ContentHash) -> PathBuf {
        in_tree(&self.directory.join(THUMBNAILS), hash)
    }

    /// The directory of contents that are not whole yet.
    pub fn drafts(&self) -> PathBuf {
        self.directory.join(DRAFTS)
    }

    /// The directories of the contents, and of their thumbnails, whose hashes begin with `first`.
    pub fn branches(&self, first: u8) -> [PathBuf; 2] {
        let name = format!("{first:02x}");
        [self.directory.join(&name), self.directory.join(THUMBNAILS).join(&name)]
    }

    fn path(&self, hash: ContentHash) -> PathBuf {
        in_tree(&self.directory, hash)
    }
}

/// A content that is being written. Dropped, it is gone.
#[derive(Debug)]
pub struct Draft {
    path: DraftPath,
    writer: Option<Box<(File, Sha256)>>,
    size: u64,
}

impl Draft {
    /// Bytes written so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends `chunk`.
    pub async fn write(&mut self, chunk: Bytes) -> Result<()> {
        self.size += chunk.len() as u64;
        let mut writer = self.take_writer()?;
        let writer = blocking(move || {
            let (file, hasher) = &mut *writer;
            hasher.update(&chunk);
            file.write_all(&chunk)?;
            Ok(writer)
        })
        .await?;
        self.writer = Some(writer);
        Ok(())
    }

    /// Makes what was written durable.
    pub async fn finish(mut self) -> Result<WholeDraft> {
        let writer = self.take_writer()?;
        let hash = blocking(move || {
            let (file, hasher) = *writer;
            file.sync_all()?;
            Ok(ContentHash::new(hasher.finalize().into()))
        })
        .await?;
        Ok(WholeDraft { path: self.path, hash, size: self.size })
    }

    fn take_writer(&mut self) -> Result<Box<(File, Sha256)>> {
        self.writer.take().ok_or_else(|| Error::internal("writing a content went on after it had failed"))
    }
}

/// A content that is whole, but not in its place. Dropped, it is gone.
#[derive(Debug)]
pub struct WholeDraft {
    path: DraftPath,
    /// The hash of its bytes.
    pub hash: ContentHash,
    /// Its size in bytes.
    pub size: u64,
}

#[derive(Debug)]
struct DraftPath(PathBuf);

impl Drop for DraftPath {
    fn drop(&mut self) {
        // It is not there any more if it was put in its place. What cannot be removed now is
        // removed by the next sweep.
        let _ = fs::remove_file(&self.0);
    }
}

/// Runs file work on a thread that may block.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let outcome = spawn_blocking(work).await.context("file work panicked")?;
    Ok(outcome.context("reading or writing media")?)
}

/// Turns the absence of a file into `None`.
pub fn existing<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(fault) if fault.kind() == ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Makes a directory and those above it, durably, readable by this server only.
pub fn create_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_directory(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(fault) if fault.kind() == ErrorKind::AlreadyExists => {}
        outcome => outcome?,
    }
    sync_directory(parent.unwrap_or(Path::new(".")))
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// `ab/cd/abcd…`, so that no directory holds too many.
fn in_tree(root: &Path, hash: ContentHash) -> PathBuf {
    let name = hash.to_string();
    root.join(&name[..2]).join(&name[2..4]).join(name)
}
