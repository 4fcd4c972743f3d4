//! What local users upload: at once, or under a name that was given out before.

use std::time::Duration;

use ruma::{MilliSecondsSinceUnixEpoch, OwnedMxcUri, UInt};

use super::{
    Media,
    intake::{Allowance, Body, Place, check_description},
};
use crate::{
    Error, Result,
    accounts::User,
    error::ErrorKind,
    secrets,
    storage::media::{self, Description, MediaKey, MediaState},
};

/// Letters and digits of a media ID: too many to guess, because who knows it may download.
const ID_LENGTH: usize = 24;
/// How long an announced upload may take: 24 hours, as the specification recommends.
const PENDING_MS: i64 = 24 * 3_600_000;

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
        let content = self.receive(self.allowance(uploader).await?, body).await?;
        let media_id = secrets::identifier(ID_LENGTH);
        let key = MediaKey { origin: &self.server_name, media_id: &media_id };
        self.admit(&content, self.arrival(key, Some(uploader.nid), &description, &content), Place::New).await?;
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
        let content = self.receive(self.allowance(uploader).await?, body).await?;
        self.admit(&content, self.arrival(key, Some(uploader.nid), &description, &content), Place::Announced).await?;
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

    async fn allowance(&self, uploader: &User) -> Result<Allowance> {
        let left = match self.config.user_limit_bytes {
            None => None,
            Some(limit) => {
                let used = media::usage(&mut *self.storage.conn().await?, uploader.nid).await?;
                Some(limit.saturating_sub(used))
            }
        };
        Ok(Allowance { each: self.config.upload_limit_bytes, left })
    }

    fn uri(&self, media_id: &str) -> OwnedMxcUri {
        format!("mxc://{}/{media_id}", self.server_name).into()
    }
}

pub(super) fn overwritten() -> Error {
    Error::refused(ErrorKind::CannotOverwriteMedia, "This media has its content already.")
}

/// Client-server API, "Guest access": uploads are not among what guests may do.
fn check_uploader(uploader: &User) -> Result<()> {
    if uploader.is_guest {
        return Err(Error::refused(ErrorKind::GuestAccessForbidden, "Guests cannot upload files."));
    }
    Ok(())
}
