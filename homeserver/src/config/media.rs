//! `[media]`: what may be uploaded, where it is kept, what thumbnails may cost.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Problem;

/// Files that people share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Media {
    /// The directory that holds the files; processes of one server share it.
    pub directory: Option<PathBuf>,
    /// The largest upload, in bytes.
    pub upload_limit_bytes: u64,
    /// All that one user may have uploaded, in bytes.
    pub user_limit_bytes: Option<u64>,
    /// Uploads that one user may have announced and not made yet.
    pub pending_uploads: u32,
    /// Whether files can be downloaded without an access token, at the old paths. What is uploaded
    /// while they cannot needs a token until they can.
    pub unauthenticated_downloads: bool,
    /// Whether clients may ask what the pages are about that people link to.
    pub url_previews: bool,
    /// The largest picture that a thumbnail is made of, in pixels.
    pub thumbnail_limit_pixels: u64,
    /// The memory that one picture may take meanwhile, at most, in bytes.
    pub thumbnail_memory_bytes: u64,
    /// The time that it may take, in milliseconds.
    pub thumbnail_time_ms: u64,
    /// Pictures that are worked on at the same time.
    pub thumbnail_threads: usize,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            directory: None,
            upload_limit_bytes: 100 << 20,
            user_limit_bytes: None,
            pending_uploads: 5,
            unauthenticated_downloads: false,
            url_previews: true,
            thumbnail_limit_pixels: 64_000_000,
            thumbnail_memory_bytes: 512 << 20,
            thumbnail_time_ms: 20_000,
            thumbnail_threads: 2,
        }
    }
}

impl Media {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.upload_limit_bytes == 0 {
            return Err(Problem::new("media.upload_limit_bytes", "must be at least 1"));
        }
        if self.thumbnail_threads == 0 {
            return Err(Problem::new("media.thumbnail_threads", "must be at least 1"));
        }
        Ok(())
    }
}
