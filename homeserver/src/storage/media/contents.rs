//! The contents of media, each stored once however many media have it.

use std::fmt;

use crate::{
    Error, Result,
    storage::{Conn, numbers::UserNid},
};

/// The SHA-256 of a content. Displayed in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// The hash that these bytes are.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    pub fn parse(hexadecimal: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if hexadecimal.len() != 64 || !hexadecimal.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hexadecimal[2 * place..2 * place + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn from_column(column: &[u8]) -> Result<Self> {
        let bytes = column.try_into().map_err(|_| Error::internal("a content's hash does not have 32 bytes"))?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A content that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of `media_contents`")]
pub struct Content {
    pub hash: ContentHash,
    pub size: u64,
    pub is_quarantined: bool,
}

/// Inserts a content unless it is there, and locks its row in either case, until the transaction
/// ends: nobody else puts its file in place or removes it meanwhile.
pub async fn insert_or_lock(conn: &mut Conn, hash: ContentHash, size: u64, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert into media_contents (sha256, size, created_at) values (?, ?, ?)
         on duplicate key update size = values(size)",
        hash.as_bytes(),
        i64::try_from(size).unwrap_or(i64::MAX),
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Inserts a content only to hold its row until the transaction is rolled back. Returns `false` if
/// somebody else has it.
pub async fn claim(conn: &mut Conn, hash: ContentHash) -> Result<bool> {
    let done =
        sqlx::query!("insert ignore into media_contents (sha256, size, created_at) values (?, 0, 0)", hash.as_bytes())
            .execute(conn)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Locks the row of a content and returns whether it is quarantined; `None` if there is no row.
pub async fn lock(conn: &mut Conn, hash: ContentHash) -> Result<Option<bool>> {
    let row = sqlx::query!("select quarantined_at from media_contents where sha256 = ? for update", hash.as_bytes())
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|row| row.quarantined_at.is_some()))
}

/// Counts the media that have this content.
pub async fn count_media(conn: &mut Conn, hash: ContentHash) -> Result<u64> {
    let count =
        sqlx::query_scalar!("select count(*) from media where sha256 = ?", hash.as_bytes()).fetch_one(conn).await?;
    Ok(count.unsigned_abs())
}

/// Deletes the row of a content.
pub async fn delete(conn: &mut Conn, hash: ContentHash) -> Result<()> {
    sqlx::query!("delete from media_contents where sha256 = ?", hash.as_bytes()).execute(conn).await?;
    Ok(())
}

/// Quarantines a content, or ends its quarantine if `by` is nobody.
pub async fn set_quarantine(conn: &mut Conn, hash: ContentHash, by: Option<UserNid>, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "update media_contents set quarantined_by = ?, quarantined_at = ? where sha256 = ?",
        by,
        by.map(|_| now_ms),
        hash.as_bytes()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists the contents from `first` to `last`, both included.
pub async fn list_between(conn: &mut Conn, first: ContentHash, last: ContentHash) -> Result<Vec<ContentHash>> {
    let rows = sqlx::query_scalar!(
        "select sha256 from media_contents where sha256 between ? and ?",
        first.as_bytes(),
        last.as_bytes()
    )
    .fetch_all(conn)
    .await?;
    rows.iter().map(|column| ContentHash::from_column(column)).collect()
}

/// Lists the contents that no media has, but for those that are remembered because they are
/// quarantined.
pub async fn list_unused(conn: &mut Conn) -> Result<Vec<ContentHash>> {
    let rows = sqlx::query_scalar!(
        "select media_contents.sha256
         from media_contents
         left join media on media.sha256 = media_contents.sha256
         where media.sha256 is null and quarantined_at is null"
    )
    .fetch_all(conn)
    .await?;
    rows.iter().map(|column| ContentHash::from_column(column)).collect()
}
