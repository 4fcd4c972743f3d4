//! Filters that clients stored.

use super::{Conn, codec::Text, numbers::UserNid};
use crate::Result;

/// Inserts a filter, or leaves it where it is there already.
pub async fn insert(conn: &mut Conn, user: UserNid, filter_id: &str, content: &str, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert ignore into filters (user_nid, filter_id, content, created_at) values (?, ?, ?, ?)",
        user,
        filter_id,
        content,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds a filter's JSON.
pub async fn find(conn: &mut Conn, user: UserNid, filter_id: &str) -> Result<Option<String>> {
    let found = sqlx::query_scalar!(
        "select content as `content: Text` from filters where user_nid = ? and filter_id = ?",
        user,
        filter_id
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.map(|content| content.0))
}

/// Deletes all filters of a user.
pub async fn delete_all(conn: &mut Conn, user: UserNid) -> Result<()> {
    sqlx::query!("delete from filters where user_nid = ?", user).execute(conn).await?;
    Ok(())
}
