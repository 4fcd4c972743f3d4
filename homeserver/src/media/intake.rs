//! Takes contents in, from whomever they come: to disk while they arrive, then into the database.

use std::{fmt, pin::Pin, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

use super::{Media, store::WholeDraft, uploads::overwritten};
use crate::{
    Error, Result,
    storage::{
        media::{self, Arrival, Description, MediaKey, contents},
        numbers::UserNid,
    },
};

/// How long a content may stand still on its way.
const STANDSTILL: Duration = Duration::from_secs(60);
/// Longest content type and longest file name, in bytes: what their columns hold.
const CONTENT_TYPE_LENGTH: usize = 255;
const FILE_NAME_LENGTH: usize = 1024;

/// A content on its way here, in pieces. An error in it, as when the sender hangs up, undoes all
/// that came before.
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

/// How much may come, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    /// In one content.
    pub each: u64,
    /// Before its sender has sent too much in all.
    pub left: Option<u64>,
}

impl Allowance {
    fn check(self, size: u64) -> Result<()> {
        match self.left {
            _ if size > self.each => {
                Err(Error::too_large(format!("Files of more than {} bytes are not taken.", self.each)))
            }
            Some(left) if size > left => Err(Error::forbidden("This would be more than you may upload in all.")),
            _ => Ok(()),
        }
    }
}

/// Where a content belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nobody knows its name yet.
    New,
    /// Its name was given out before.
    Announced,
}

impl Media {
    /// Writes a body to disk while it comes.
    pub(super) async fn receive(&self, allowance: Allowance, mut body: Body) -> Result<WholeDraft> {
        allowance.check(body.declared.unwrap_or(0))?;
        let mut draft = self.store.begin().await?;
        loop {
            let Ok(piece) = timeout(STANDSTILL, body.pieces.next()).await else {
                return Err(Error::unknown("The file stood still on its way for too long."));
            };
            let Some(piece) = piece.transpose()? else { break };
            allowance.check(draft.size() + piece.len() as u64)?;
            draft.write(piece).await?;
        }
        draft.finish().await
    }

    /// What is to be recorded of `content`.
    pub(super) fn arrival<'a>(
        &self,
        key: MediaKey<'a>,
        uploader: Option<UserNid>,
        description: &'a Description,
        content: &WholeDraft,
    ) -> Arrival<'a> {
        let needs_authentication = !self.config.unauthenticated_downloads;
        Arrival { key, uploader, hash: content.hash, description, needs_authentication }
    }

    /// Makes a content that is on disk known, and puts it in its place.
    pub(super) async fn admit(&self, content: &WholeDraft, arrival: Arrival<'_>, place: Place) -> Result<()> {
        let now_ms = self.clock.now_ms();
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                // The lock on this row keeps others from removing the file until the row that
                // refers to it is committed. A crash in between leaves a file that nobody knows,
                // which the sweep removes.
                contents::insert_or_lock(&mut tx, content.hash, content.size, now_ms).await?;
                match place {
                    Place::New => media::insert(&mut tx, &arrival, now_ms).await?,
                    Place::Announced if media::complete(&mut tx, &arrival).await? => {}
                    Place::Announced => return Err(overwritten()),
                }
                self.store.place(content).await?;
                Ok(tx.commit().await?)
            })
            .await
    }
}

/// Refuses what the columns do not hold.
pub(super) fn check_description(description: &Description) -> Result<()> {
    if description.content_type.as_ref().is_some_and(|text| text.len() > CONTENT_TYPE_LENGTH) {
        return Err(Error::invalid_param("The content type is too long."));
    }
    if description.file_name.as_ref().is_some_and(|name| name.len() > FILE_NAME_LENGTH) {
        return Err(Error::invalid_param("The file name is too long."));
    }
    Ok(())
}
