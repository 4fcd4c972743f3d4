//! Withdraws media: into quarantine, or for good.

use tracing::info;

use super::{Media, unknown};
use crate::{
    Error, Result,
    storage::{
        media::{self, MediaKey, MediaState, contents, contents::ContentHash, protection},
        numbers::UserNid,
    },
};

impl Media {
    /// Withdraws the content of a media, wherever else it is used and whoever uploads it again.
    /// Returns how many media have it.
    pub async fn quarantine(&self, key: MediaKey<'_>, by: UserNid) -> Result<u64> {
        self.set_quarantine(key, Some(by)).await
    }

    /// Ends the quarantine of the content of a media. Returns how many media have it.
    pub async fn end_quarantine(&self, key: MediaKey<'_>) -> Result<u64> {
        self.set_quarantine(key, None).await
    }

    /// Keeps a media from being withdrawn, or no longer if `by` is nobody.
    pub async fn protect(&self, key: MediaKey<'_>, by: Option<UserNid>) -> Result<()> {
        let mut conn = self.storage.conn().await?;
        content_of(&mut conn, key).await?.ok_or_else(unknown)?;
        match by {
            Some(by) => protection::insert(&mut conn, key, by, self.clock.now_ms()).await,
            None => protection::delete(&mut conn, key).await,
        }
    }

    /// Whether a media, or another one with the same content, is kept from being withdrawn.
    pub async fn is_protected(&self, key: MediaKey<'_>) -> Result<bool> {
        let mut conn = self.storage.conn().await?;
        match content_of(&mut conn, key).await? {
            Some(hash) => protection::covers(&mut conn, hash).await,
            None => Ok(false),
        }
    }

    async fn set_quarantine(&self, key: MediaKey<'_>, by: Option<UserNid>) -> Result<u64> {
        let mut conn = self.storage.conn().await?;
        let hash = content_of(&mut conn, key).await?.ok_or_else(unknown)?;
        if by.is_some() && protection::covers(&mut conn, hash).await? {
            return Err(Error::forbidden("This media is protected from being withdrawn."));
        }
        contents::set_quarantine(&mut conn, hash, by, self.clock.now_ms()).await?;
        info!(media.id = key.media_id, media.quarantined = by.is_some(), "The quarantine of a media was changed");
        contents::count_media(&mut conn, hash).await
    }

    /// Deletes a media, and its content if no other media has it. The name is not used again.
    pub async fn delete(&self, key: MediaKey<'_>) -> Result<()> {
        let mut conn = self.storage.conn().await?;
        let hash = content_of(&mut conn, key).await?;
        if !media::mark_deleted(&mut conn, key).await? {
            return Err(unknown());
        }
        protection::delete(&mut conn, key).await?;
        info!(media.id = key.media_id, "A media was deleted");
        drop(conn);
        if let Some(hash) = hash {
            self.release(hash).await?;
        }
        Ok(())
    }

    /// Removes a content that no media has any more. One in quarantine is remembered, so that it
    /// stays withdrawn.
    pub(super) async fn release(&self, hash: ContentHash) -> Result<()> {
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                let Some(is_quarantined) = contents::lock(&mut tx, hash).await? else { return Ok(()) };
                if contents::count_media(&mut tx, hash).await? > 0 {
                    return Ok(());
                }
                self.store.remove(hash).await?;
                if !is_quarantined {
                    contents::delete(&mut tx, hash).await?;
                }
                Ok(tx.commit().await?)
            })
            .await
    }
}

async fn content_of(conn: &mut crate::storage::Conn, key: MediaKey<'_>) -> Result<Option<ContentHash>> {
    match media::find(conn, key).await?.ok_or_else(unknown)?.state {
        MediaState::Ready(content) => Ok(Some(content.hash)),
        MediaState::Pending { .. } | MediaState::Deleted => Ok(None),
    }
}
