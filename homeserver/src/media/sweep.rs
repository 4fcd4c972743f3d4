//! Removes what uploads leave behind that did not come to their end.

use std::{collections::HashSet, fs, io, path::Path, time::Duration, time::UNIX_EPOCH};

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    Media,
    store::{blocking, existing},
};
use crate::{
    Result,
    storage::media::{self, contents, contents::ContentHash},
    tasks::Tasks,
};

/// How long a file is left alone: whoever is at work on it writes to it more often.
const LEFT_ALONE: Duration = Duration::from_secs(3600);
/// How often drafts and expired names are looked for.
const INTERVAL: Duration = Duration::from_secs(3600);

impl Media {
    /// Sweeps the whole store now, and drafts and expired names from time to time.
    pub fn start_sweeping(&self, tasks: &Tasks) {
        let media = self.clone();
        tasks.start("media sweep", move |stop: CancellationToken| {
            let media = media.clone();
            async move {
                report(media.sweep(&stop).await);
                while stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
                    report(media.sweep_drafts().await);
                }
            }
        });
    }

    /// Removes drafts and names that were given up, contents that no media has, and files that no
    /// content has. Ends early when `stop` is cancelled.
    pub async fn sweep(&self, stop: &CancellationToken) -> Result<()> {
        self.sweep_drafts().await?;
        let unused = contents::list_unused(&mut *self.storage.conn().await?).await?;
        for hash in unused {
            self.release(hash).await?;
        }
        for first in 0..=u8::MAX {
            if stop.is_cancelled() {
                return Ok(());
            }
            self.sweep_branch(first).await?;
        }
        Ok(())
    }

    async fn sweep_drafts(&self) -> Result<()> {
        let before_ms = self.left_alone_since();
        let drafts = self.store.drafts();
        blocking(move || {
            for draft in old_files(&drafts, before_ms)? {
                existing(fs::remove_file(drafts.join(draft)))?;
            }
            Ok(())
        })
        .await?;
        media::delete_expired(&mut *self.storage.conn().await?, self.clock.now_ms()).await?;
        Ok(())
    }

    /// Removes files without a content among those whose hashes begin with `first`.
    async fn sweep_branch(&self, first: u8) -> Result<()> {
        let before_ms = self.left_alone_since();
        let branches = self.store.branches(first);
        let found = blocking(move || hashes_below(&branches, before_ms)).await?;
        if found.is_empty() {
            return Ok(());
        }
        let [least, greatest] = [0, u8::MAX].map(|rest| {
            let mut bytes = [rest; 32];
            bytes[0] = first;
            ContentHash::new(bytes)
        });
        let known = contents::list_between(&mut *self.storage.conn().await?, least, greatest).await?;
        let known: HashSet<_> = known.into_iter().collect();
        for hash in found.difference(&known) {
            self.remove_stray(*hash).await?;
        }
        Ok(())
    }

    /// Removes the files of `hash` unless an upload of the same content comes first.
    async fn remove_stray(&self, hash: ContentHash) -> Result<()> {
        let mut tx = self.storage.begin().await?;
        if contents::claim(&mut tx, hash).await? {
            self.store.remove(hash).await?;
            info!(media.hash = %hash, "Removed a file that belonged to no media");
        }
        Ok(tx.rollback().await?)
    }

    fn left_alone_since(&self) -> i64 {
        self.clock.now_ms().saturating_sub(i64::try_from(LEFT_ALONE.as_millis()).unwrap_or(i64::MAX))
    }
}

fn report(outcome: Result<()>) {
    if let Err(fault) = outcome {
        warn!(error = format!("{fault:#}"), "The media could not be swept; it is tried again later");
    }
}

/// The names of what is in `directory` and was not changed after `before_ms`.
fn old_files(directory: &Path, before_ms: i64) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in existing(fs::read_dir(directory))?.into_iter().flatten() {
        let entry = entry?;
        let Some(about) = existing(entry.metadata())? else { continue };
        let changed = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        if i64::try_from(changed.as_millis()).unwrap_or(i64::MAX) <= before_ms {
            names.extend(entry.file_name().into_string().ok());
        }
    }
    Ok(names)
}

/// The hashes that old files and directories two levels below one of `branches` are named after.
fn hashes_below(branches: &[std::path::PathBuf], before_ms: i64) -> io::Result<HashSet<ContentHash>> {
    let mut hashes = HashSet::new();
    for branch in branches {
        for twig in existing(fs::read_dir(branch))?.into_iter().flatten() {
            let names = old_files(&twig?.path(), before_ms)?;
            hashes.extend(names.iter().filter_map(|name| ContentHash::parse(name)));
        }
    }
    Ok(hashes)
}
