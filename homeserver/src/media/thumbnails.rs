//! Finds thumbnails on disk, or has them made: few at a time, on threads that may block.

use std::{
    fs::{self, File},
    io::{self, Seek, Write},
    path::Path,
    sync::Arc,
    time::Duration,
};

use quick_cache::sync::Cache;
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};
use tracing::warn;

use super::{
    geometry::Shape,
    picture::{self, Budget, Format, Outcome, Unfit},
    store::{self, Store},
};
use crate::{Error, Result, config, secrets, storage::media::contents::ContentHash};

/// Thumbnails that are kept of one content. Further sizes are made each time.
const KEPT: usize = 32;
/// Contents that are remembered because no thumbnail can be made of them.
const UNFIT: usize = 10_000;

/// The thumbnails of a store; clones share them.
#[derive(Clone, Debug)]
pub struct Thumbnails {
    store: Store,
    budget: Budget,
    permits: Arc<Semaphore>,
    unfit: Arc<Cache<ContentHash, Unfit>>,
}

/// What is served as a thumbnail.
#[derive(Debug)]
pub enum Thumbnail {
    /// The original, which has this format.
    Original(Format),
    /// This file.
    Made(Format, File),
}

impl Thumbnails {
    /// The thumbnails of `store`.
    pub fn new(store: Store, config: &config::Media) -> Self {
        let permits = Arc::new(Semaphore::new(config.thumbnail_threads));
        let budget = Budget {
            pixels: config.thumbnail_limit_pixels,
            memory: config.thumbnail_memory_bytes,
            time: Duration::from_millis(config.thumbnail_time_ms),
        };
        Self { store, budget, permits, unfit: Arc::new(Cache::new(UNFIT)) }
    }

    /// The thumbnail of the content `hash` in `shape`. Refuses what is no picture or costs too
    /// much.
    pub async fn find_or_make(&self, hash: ContentHash, shape: Shape) -> Result<Thumbnail> {
        let directory = self.store.thumbnails(hash);
        let name = shape.to_string();
        let found = {
            let (directory, name) = (directory.clone(), name.clone());
            store::blocking(move || find(&directory, &name)).await?
        };
        if let Some(found) = found {
            return Ok(found);
        }
        if let Some(unfit) = self.unfit.get(&hash) {
            return Err(refuse(unfit));
        }
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| Error::internal("thumbnails are over"))?;
        let Some(original) = self.store.read(hash).await? else {
            return Err(Error::not_found("This media is not there any more."));
        };
        let (budget, drafts) = (self.budget, self.store.drafts());
        let work = spawn_blocking(move || {
            let _permit = permit;
            // Others may have asked for it at the same time.
            if let Some(found) = find(&directory, &name)? {
                return Ok(Ok(found));
            }
            match picture::thumbnail(original, &shape, &budget) {
                Ok(outcome) => keep(&directory, &name, &drafts, outcome).map(Ok),
                Err(unfit) => Ok(Err(unfit)),
            }
        });
        let outcome: io::Result<Result<Thumbnail, Unfit>> = match timeout(self.budget.time, work).await {
            // The work goes on and is found next time, if it ends.
            Err(_) => return Err(refuse(Unfit::TooLarge)),
            Ok(Err(panic)) => {
                warn!(media.hash = %hash, error = %panic, "Making a thumbnail panicked");
                Ok(Err(Unfit::Unreadable))
            }
            Ok(Ok(outcome)) => outcome,
        };
        let outcome =
            outcome.map_err(|fault| Error::Internal(anyhow::Error::new(fault).context("keeping a thumbnail")))?;
        outcome.map_err(|unfit| {
            self.unfit.insert(hash, unfit);
            refuse(unfit)
        })
    }
}

fn refuse(unfit: Unfit) -> Error {
    match unfit {
        Unfit::Unreadable => Error::unknown("This media is not a picture that thumbnails can be made of."),
        Unfit::TooLarge => Error::too_large("This picture is too large to make a thumbnail of."),
    }
}

/// The extension of an empty file that says: the original serves, and has this format.
fn original_extension(format: Format) -> String {
    format!("original-{}", format.name())
}

fn find(directory: &Path, name: &str) -> io::Result<Option<Thumbnail>> {
    for format in Format::ALL {
        if let Some(file) = store::existing(File::open(directory.join(format!("{name}.{}", format.name()))))? {
            return Ok(Some(Thumbnail::Made(format, file)));
        }
        if directory.join(format!("{name}.{}", original_extension(format))).try_exists()? {
            return Ok(Some(Thumbnail::Original(format)));
        }
    }
    Ok(None)
}

/// Writes a thumbnail, whole or not at all.
fn keep(directory: &Path, name: &str, drafts: &Path, outcome: Outcome) -> io::Result<Thumbnail> {
    let (extension, bytes) = match &outcome {
        Outcome::Original(format) => (original_extension(*format), &[] as &[u8]),
        Outcome::Made(format, bytes) => (format.name().to_owned(), bytes.as_slice()),
    };
    let draft = drafts.join(secrets::identifier(24));
    let mut file = File::options().read(true).write(true).create_new(true).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    file.rewind()?;
    store::create_directory(directory)?;
    if fs::read_dir(directory)?.count() < KEPT {
        fs::rename(&draft, directory.join(format!("{name}.{extension}")))?;
    } else {
        fs::remove_file(&draft)?;
    }
    Ok(match outcome {
        Outcome::Original(format) => Thumbnail::Original(format),
        Outcome::Made(format, _) => Thumbnail::Made(format, file),
    })
}
