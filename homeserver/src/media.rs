//! Files that people share: kept on disk, known by `mxc://` URIs.
//!
//! A content becomes known only when it is durable, and is stored once however often it is
//! uploaded.

pub mod arrivals;
pub mod copies;
pub mod disposition;
pub mod geometry;
pub mod intake;
pub mod moderation;
pub mod picture;
pub mod previews;
pub mod store;
pub mod sweep;
pub mod thumbnails;
pub mod uploads;

use std::{fs::File, time::Duration};

use ruma::{OwnedServerName, http_headers::ContentDisposition};
use tokio::time::{Instant, timeout};

use self::{
    arrivals::Arrivals,
    disposition::disposition,
    geometry::Shape,
    store::Store,
    thumbnails::{Thumbnail, Thumbnails},
};
use crate::{
    Error, Result,
    bus::Bus,
    clock::Clock,
    config,
    error::ErrorKind,
    storage::{
        Storage,
        media::{self, Description, MediaKey, MediaState, StoredMedia, contents::Content},
    },
};

/// What content is served as whose uploader did not say what it is. Client-server API,
/// "Content repository", upload.
const UNKNOWN_TYPE: &str = "application/octet-stream";
/// Longest time that a download waits for its content to be uploaded.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a waiting download looks by itself, because another process may take the upload.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Media; clones share them.
#[derive(Clone, Debug)]
pub struct Media {
    storage: Storage,
    bus: Bus,
    clock: Clock,
    server_name: OwnedServerName,
    config: config::Media,
    store: Store,
    arrivals: Arrivals,
    thumbnails: Thumbnails,
}

/// Whether a download proves who asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// By an access token.
    Authenticated,
    /// It does not: knowing the URI is all.
    Anonymous,
    /// By that of an administrator who has to see what was withdrawn, too.
    Overseeing,
}

/// What somebody wants to download.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The server in the URI.
    pub origin: OwnedServerName,
    /// The rest of the URI.
    pub media_id: String,
    /// Whether it is known who asks.
    pub access: Access,
    /// How long to wait for a content that is still being uploaded.
    pub patience: Duration,
}

/// A file that is ready to be sent, and how.
#[derive(Debug)]
pub struct Download {
    /// The file.
    pub file: File,
    /// Its size in bytes.
    pub size: u64,
    /// What it is.
    pub content_type: String,
    /// How it may be presented, and under which name.
    pub disposition: ContentDisposition,
    /// The same for the same bytes, and only for them.
    pub tag: String,
}

impl Media {
    /// The media of the server `server_name`, whose contents are in `store`.
    pub fn new(
        storage: Storage,
        store: Store,
        bus: Bus,
        clock: Clock,
        server_name: OwnedServerName,
        config: config::Media,
    ) -> Self {
        let thumbnails = Thumbnails::new(store.clone(), &config);
        Self { storage, bus, clock, server_name, config, store, arrivals: Arrivals::default(), thumbnails }
    }

    /// Largest upload, in bytes.
    pub fn max_upload_size(&self) -> u64 {
        self.config.upload_limit_bytes
    }

    /// Opens a content, under its own name or under `file_name`.
    pub async fn download(&self, wanted: &Wanted, file_name: Option<&str>) -> Result<Download> {
        let (content, description) = self.locate(wanted).await?;
        let file = self.open(content, wanted).await?;
        let content_type = description.content_type.unwrap_or_else(|| UNKNOWN_TYPE.to_owned());
        Ok(Download {
            file,
            size: content.size,
            disposition: disposition(&content_type, file_name.or(description.file_name.as_deref())),
            content_type,
            tag: content.hash.to_string(),
        })
    }

    /// Opens a thumbnail, which is made if need be. The original is its own thumbnail if it is not
    /// larger.
    pub async fn thumbnail(&self, wanted: &Wanted, shape: Shape) -> Result<Download> {
        let (content, _) = self.locate(wanted).await?;
        let (format, file, tag) = match self.thumbnails.find_or_make(content.hash, shape).await? {
            Thumbnail::Original(format) => (format, self.open(content, wanted).await?, content.hash.to_string()),
            Thumbnail::Made(format, file) => (format, file, format!("{}-{shape}", content.hash)),
        };
        let size = file.metadata().map_err(anyhow::Error::from)?.len();
        let content_type = format.content_type();
        let disposition = disposition(&content_type, Some(&format!("thumbnail.{}", format.name())));
        Ok(Download { file, size, content_type, disposition, tag })
    }

    /// Finds a content that may be served; waits for it if it is still being uploaded.
    async fn locate(&self, wanted: &Wanted) -> Result<(Content, Description)> {
        let key = key(wanted)?;
        let deadline = Instant::now() + wanted.patience.min(PATIENCE);
        let place = self.arrivals.wait(key.media_id);
        loop {
            // Listening begins before looking, so that nothing arrives unnoticed in between.
            let arrival = place.arrival();
            let found = media::find(&mut *self.storage.conn().await?, key).await?;
            let media = found.ok_or_else(unknown)?;
            let MediaState::Pending { expires_at } = media.state else {
                return self.served(media, wanted.access);
            };
            if expires_at <= self.clock.now_ms() {
                return Err(unknown());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(not_yet());
            }
            tokio::select! {
                // Running out of time is noticed above.
                _ = timeout(left.min(LOOK_AGAIN), arrival) => {}
                () = self.bus.closed() => return Err(not_yet()),
            }
        }
    }

    fn served(&self, media: StoredMedia, access: Access) -> Result<(Content, Description)> {
        // Client-server API, "Content repository", client behaviour: what is uploaded after the
        // freeze is found by authenticated requests only.
        let is_frozen = media.needs_authentication && !self.config.unauthenticated_downloads;
        match media.state {
            MediaState::Ready(_) if access == Access::Anonymous && is_frozen => Err(unknown()),
            MediaState::Ready(content) if content.is_quarantined && access != Access::Overseeing => {
                Err(Error::not_found("This media was withdrawn by the administrators of this server."))
            }
            MediaState::Ready(content) => Ok((content, media.description)),
            MediaState::Pending { .. } | MediaState::Deleted => Err(unknown()),
        }
    }

    async fn open(&self, content: Content, wanted: &Wanted) -> Result<File> {
        if let Some(file) = self.store.read(content.hash).await? {
            return Ok(file);
        }
        // Either it was deleted a moment ago, or a file is lost.
        self.locate(wanted).await?;
        Err(Error::internal(format!("the file of the content {} is missing", content.hash)))
    }
}

/// Checks the two parts of a URI. Client-server API, "Content repository", security
/// considerations.
fn key(wanted: &Wanted) -> Result<MediaKey<'_>> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if wanted.media_id.is_empty() || wanted.media_id.len() > 255 || !wanted.media_id.bytes().all(is_allowed) {
        return Err(unknown());
    }
    Ok(MediaKey { origin: &wanted.origin, media_id: &wanted.media_id })
}

fn not_yet() -> Error {
    Error::refused(ErrorKind::NotYetUploaded, "This media has not been uploaded yet.")
}

fn unknown() -> Error {
    Error::not_found("There is no such media.")
}
