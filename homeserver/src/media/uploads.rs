//! Takes contents in: at once, or under a name that was given out before.

use std::{fmt, pin::Pin, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use ruma::{MilliSecondsSinceUnixEpoch, OwnedMxcUri, UInt};
use tokio::time::timeout;

use super::{Media, store::WholeDraft};
use crate::{
    Error, Result,
    accounts::User,
    error::ErrorKind,
    secrets,
    storage::media::{self, Arrival, Description, MediaKey, MediaState, contents},
};

/// Letters and digits of a media ID: too many to guess, because who knows it may download.
const ID_LENGTH: usize = 24;
/// How long an announced upload may take: 24 hours, as the specification recommends.
const PENDING_MS: i64 = 24 * 3_600_000;
/// How long an upload may stand still.
const STANDSTILL: Duration = Duration::from_secs(60);
/// Longest content type and longest file name, in bytes: what their columns hold.
const CONTENT_TYPE_LENGTH: usize = 255;
const FILE_NAME_LENGTH: usize = 1024;

/// A content on its way here, in pieces. An error in it, as when the sender hangs up, undoes the
/// upload.
pub struct Body {
    /// Its size in bytes, if the sender told.
    pub declared: Option<u64>,
    /// The pieces.
    pub pieces: Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("declared", &self.declared).finish_non_exhaustive()
    }
}

/// A name that was given out for an upload to come.
#[derive(Debug)]
pub struct Announced {
    /// The name.
    pub uri: OwnedMxcUri,
    /// Until when the upload has to be made.
    pub expires_at: MilliSecondsSinceUnixEpoch,
}

impl Media {
    /// Stores a content; returns its name.
    pub async fn upload(&self, uploader: &User, description: Description, body: Body) -> Result<OwnedMxcUri> {
        check_uploader(uploader)?;
        check_description(&description)?;
        let content = self.receive(uploader, body).await?;
        let media_id = secrets::identifier(ID_LENGTH);
        let key = MediaKey { origin: &self.server_name, media_id: &media_id };
        self.admit(uploader, key, &description, &content, false).await?;
        Ok(self.uri(&media_id))
    }

    /// Gives out a name for an upload to come.
    pub async fn announce(&self, uploader: &User) -> Result<Announced> {
        check_uploader(uploader)?;
        let media_id = secrets::identifier(ID_LENGTH);
        let key = MediaKey { origin: &self.server_name, media_id: &media_id };
        let now_ms = self.clock.now_ms();
        let expires_at = now_ms + PENDING_MS;
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                let (pending, first) = media::count_pending(&mut tx, uploader.nid, now_ms).await?;
                if pending >= i64::from(self.config.pending_uploads) {
                    let wait_ms = first.unwrap_or(now_ms).saturating_sub(now_ms);
                    return Err(Error::limit_exceeded(Duration::from_millis(wait_ms.unsigned_abs())));
                }
                media::insert_pending(&mut tx, key, uploader.nid, expires_at, now_ms).await?;
                Ok(tx.commit().await?)
            })
            .await?;
        let expires_at = MilliSecondsSinceUnixEpoch(UInt::new_saturating(expires_at.unsigned_abs()));
        Ok(Announced { uri: self.uri(&media_id), expires_at })
    }

    /// Stores the content of a name that [`Self::announce`] gave out.
    pub async fn fulfil(&self, uploader: &User, key: MediaKey<'_>, description: Description, body: Body) -> Result<()> {
        check_uploader(uploader)?;
        check_description(&description)?;
        self.check_announced(uploader, key).await?;
        let content = self.receive(uploader, body).await?;
        self.admit(uploader, key, &description, &content, true).await?;
        self.arrivals.announce(key.media_id);
        Ok(())
    }

    async fn check_announced(&self, uploader: &User, key: MediaKey<'_>) -> Result<()> {
        let unknown = || Error::not_found("This media ID was not created here, or it has expired.");
        if key.origin != self.server_name {
            return Err(unknown());
        }
        let found = media::find(&mut *self.storage.conn().await?, key).await?.ok_or_else(unknown)?;
        if found.uploader != Some(uploader.nid) {
            return Err(Error::forbidden("This media ID was created by somebody else."));
        }
        match found.state {
            MediaState::Pending { expires_at } if expires_at > self.clock.now_ms() => Ok(()),
            MediaState::Pending { .. } | MediaState::Deleted => Err(unknown()),
            MediaState::Ready(_) => Err(overwritten()),
        }
    }

    /// Writes a body to disk while it comes.
    async fn receive(&self, uploader: &User, mut body: Body) -> Result<WholeDraft> {
        let limit = self.config.upload_limit_bytes;
        let quota = self.quota_left(uploader).await?;
        let check = |size: u64| match quota {
            _ if size > limit => Err(Error::too_large(format!("Files of more than {limit} bytes cannot be uploaded."))),
            Some(left) if size > left => Err(Error::forbidden("This would be more than you may upload in all.")),
            _ => Ok(()),
        };
        check(body.declared.unwrap_or(0))?;
        let mut draft = self.store.begin().await?;
        while let Some(piece) = timeout(STANDSTILL, body.pieces.next())
            .await
            .map_err(|_| Error::unknown("The upload stood still for too long."))?
        {
            let piece = piece?;
            check(draft.size() + piece.len() as u64)?;
            draft.write(piece).await?;
        }
        draft.finish().await
    }

    async fn quota_left(&self, uploader: &User) -> Result<Option<u64>> {
        let Some(quota) = self.config.user_limit_bytes else { return Ok(None) };
        let used = media::usage(&mut *self.storage.conn().await?, uploader.nid).await?;
        Ok(Some(quota.saturating_sub(used)))
    }

    /// Makes a content that is on disk known, and puts it in its place.
    async fn admit(
        &self,
        uploader: &User,
        key: MediaKey<'_>,
        description: &Description,
        content: &WholeDraft,
        was_announced: bool,
    ) -> Result<()> {
        let arrival = Arrival {
            key,
            uploader: Some(uploader.nid),
            hash: content.hash,
            description,
            needs_authentication: !self.config.unauthenticated_downloads,
        };
        let now_ms = self.clock.now_ms();
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                // The lock on this row keeps others from removing the file until the row that
                // refers to it is committed. A crash in between leaves a file that nobody knows,
                // which the sweep removes.
                contents::insert_or_lock(&mut tx, content.hash, content.size, now_ms).await?;
                if !was_announced {
                    media::insert(&mut tx, &arrival, now_ms).await?;
                } else if !media::complete(&mut tx, &arrival).await? {
                    return Err(overwritten());
                }
                self.store.place(content).await?;
                Ok(tx.commit().await?)
            })
            .await
    }

    fn uri(&self, media_id: &str) -> OwnedMxcUri {
        format!("mxc://{}/{media_id}", self.server_name).into()
    }
}

fn overwritten() -> Error {
    Error::refused(ErrorKind::CannotOverwriteMedia, "This media has its content already.")
}

/// Client-server API, "Guest access": uploads are not among what guests may do.
fn check_uploader(uploader: &User) -> Result<()> {
    if uploader.is_guest {
        return Err(Error::refused(ErrorKind::GuestAccessForbidden, "Guests cannot upload files."));
    }
    Ok(())
}

fn check_description(description: &Description) -> Result<()> {
    if description.content_type.as_ref().is_some_and(|text| text.len() > CONTENT_TYPE_LENGTH) {
        return Err(Error::invalid_param("The content type is too long."));
    }
    if description.file_name.as_ref().is_some_and(|name| name.len() > FILE_NAME_LENGTH) {
        return Err(Error::invalid_param("The file name is too long."));
    }
    Ok(())
}
