//! Media: what `mxc://` URIs name. The contents behind them are in `contents`.

pub mod contents;
pub mod overview;
pub mod protection;
pub mod statistics;

use ruma::ServerName;

use self::contents::{Content, ContentHash};
use super::{Conn, codec::Text, numbers::UserNid};
use crate::{Error, Result};

/// The two parts of an `mxc://` URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of `media`")]
pub struct MediaKey<'a> {
    pub origin: &'a ServerName,
    pub media_id: &'a str,
}

/// How far a media has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaState {
    /// It has a name; its content is still to come, until `expires_at`.
    Pending {
        /// Milliseconds since the Unix epoch.
        expires_at: i64,
    },
    /// It has its content.
    Ready(Content),
    /// It had content once. Its name is not used again.
    Deleted,
}

/// What is told of a content by those who upload it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of `media`")]
pub struct Description {
    pub content_type: Option<String>,
    pub file_name: Option<String>,
}

/// A media as it is stored.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `media`")]
pub struct StoredMedia {
    pub state: MediaState,
    pub uploader: Option<UserNid>,
    pub description: Description,
    pub needs_authentication: bool,
}

const PENDING: i8 = 0;
const READY: i8 = 1;
const DELETED: i8 = 2;

/// Finds a media by its URI, whatever its state.
pub async fn find(conn: &mut Conn, key: MediaKey<'_>) -> Result<Option<StoredMedia>> {
    let row = sqlx::query!(
        "select state, uploader_nid, media.sha256 as `sha256: Vec<u8>`, content_type as `content_type: Text`,
                file_name as `file_name: Text`, needs_authentication as `needs_authentication: bool`, expires_at,
                media_contents.size as `size?`, media_contents.quarantined_at
         from media
         left join media_contents on media_contents.sha256 = media.sha256
         where origin = ? and media_id = ?",
        key.origin.as_str(),
        key.media_id
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let state = match (row.state, row.sha256, row.size) {
        (PENDING, ..) => MediaState::Pending { expires_at: row.expires_at.unwrap_or(i64::MAX) },
        (READY, Some(sha256), Some(size)) => MediaState::Ready(Content {
            hash: ContentHash::from_column(&sha256)?,
            size: size.unsigned_abs(),
            is_quarantined: row.quarantined_at.is_some(),
        }),
        (DELETED, ..) => MediaState::Deleted,
        _ => return Err(Error::internal(format!("the row of media {} has no content", key.media_id))),
    };
    Ok(Some(StoredMedia {
        state,
        uploader: row.uploader_nid.map(UserNid),
        description: Description {
            content_type: row.content_type.map(|text| text.0),
            file_name: row.file_name.map(|text| text.0),
        },
        needs_authentication: row.needs_authentication,
    }))
}

/// Inserts a media whose content is still to come.
pub async fn insert_pending(
    conn: &mut Conn,
    key: MediaKey<'_>,
    uploader: UserNid,
    expires_at: i64,
    now_ms: i64,
) -> Result<()> {
    sqlx::query!(
        "insert into media (origin, media_id, state, uploader_nid, needs_authentication, created_at, expires_at)
         values (?, ?, ?, ?, 1, ?, ?)",
        key.origin.as_str(),
        key.media_id,
        PENDING,
        uploader,
        now_ms,
        expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The pending media of `uploader`: how many there are, and when the first of them expires. Locks
/// the user's row, so that the answer holds until the transaction ends.
pub async fn count_pending(conn: &mut Conn, uploader: UserNid, now_ms: i64) -> Result<(i64, Option<i64>)> {
    sqlx::query!("select user_nid from users where user_nid = ? for update", uploader)
        .fetch_optional(&mut *conn)
        .await?;
    let row = sqlx::query!(
        "select count(*) as count, min(expires_at) as first
         from media
         where uploader_nid = ? and state = ? and expires_at > ?",
        uploader,
        PENDING,
        now_ms
    )
    .fetch_one(conn)
    .await?;
    Ok((row.count, row.first))
}

/// A content that has come, and what it is to be the content of.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `media`")]
pub struct Arrival<'a> {
    pub key: MediaKey<'a>,
    pub uploader: Option<UserNid>,
    pub hash: ContentHash,
    pub description: &'a Description,
    pub needs_authentication: bool,
}

/// Inserts a media together with its content.
pub async fn insert(conn: &mut Conn, arrival: &Arrival<'_>, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert into media (origin, media_id, state, uploader_nid, sha256, content_type, file_name,
                            needs_authentication, created_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        arrival.key.origin.as_str(),
        arrival.key.media_id,
        READY,
        arrival.uploader,
        arrival.hash.as_bytes(),
        arrival.description.content_type,
        arrival.description.file_name,
        arrival.needs_authentication,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a pending media its content. Returns whether it was still pending.
pub async fn complete(conn: &mut Conn, arrival: &Arrival<'_>) -> Result<bool> {
    let done = sqlx::query!(
        "update media
         set state = ?, sha256 = ?, content_type = ?, file_name = ?, needs_authentication = ?, expires_at = null
         where origin = ? and media_id = ? and state = ?",
        READY,
        arrival.hash.as_bytes(),
        arrival.description.content_type,
        arrival.description.file_name,
        arrival.needs_authentication,
        arrival.key.origin.as_str(),
        arrival.key.media_id,
        PENDING
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Marks a media as deleted. Returns whether it was not yet.
pub async fn mark_deleted(conn: &mut Conn, key: MediaKey<'_>) -> Result<bool> {
    let done = sqlx::query!(
        "update media
         set state = ?, sha256 = null, content_type = null, file_name = null, expires_at = null
         where origin = ? and media_id = ? and state <> ?",
        DELETED,
        key.origin.as_str(),
        key.media_id,
        DELETED
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes pending media that have expired. Returns how many there were.
pub async fn delete_expired(conn: &mut Conn, now_ms: i64) -> Result<u64> {
    let done =
        sqlx::query!("delete from media where state = ? and expires_at <= ?", PENDING, now_ms).execute(conn).await?;
    Ok(done.rows_affected())
}

/// The size of all that `uploader` has uploaded, in bytes.
pub async fn usage(conn: &mut Conn, uploader: UserNid) -> Result<u64> {
    let bytes = sqlx::query_scalar!(
        "select cast(coalesce(sum(size), 0) as signed) as `bytes!: i64`
         from media
         join media_contents on media_contents.sha256 = media.sha256
         where uploader_nid = ? and state = ?",
        uploader,
        READY
    )
    .fetch_one(conn)
    .await?;
    Ok(bytes.unsigned_abs())
}
