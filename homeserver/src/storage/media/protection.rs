//! Media that administrators have protected from being withdrawn.

use super::{MediaKey, contents::ContentHash};
use crate::{
    Result,
    storage::{Conn, numbers::UserNid},
};

/// Protects a media.
pub async fn insert(conn: &mut Conn, key: MediaKey<'_>, by: UserNid, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert ignore into protected_media (origin, media_id, protected_by, created_at) values (?, ?, ?, ?)",
        key.origin.as_str(),
        key.media_id,
        by,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Protects it no longer.
pub async fn delete(conn: &mut Conn, key: MediaKey<'_>) -> Result<()> {
    sqlx::query!("delete from protected_media where origin = ? and media_id = ?", key.origin.as_str(), key.media_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether a media that has this content is protected.
pub async fn covers(conn: &mut Conn, content: ContentHash) -> Result<bool> {
    let found = sqlx::query_scalar!(
        "select media.media_id
         from media
         join protected_media
           on protected_media.origin = media.origin and protected_media.media_id = media.media_id
         where media.sha256 = ? and media.state = 1
         limit 1",
        content.as_bytes()
    );
    Ok(found.fetch_optional(conn).await?.is_some())
}
