//! Which versions of which documents users have accepted.

use super::{Conn, codec::Text, numbers::UserNid};
use crate::Result;

/// Notes that a user has accepted a version of a document.
pub async fn insert(conn: &mut Conn, user: UserNid, terms_id: &str, version: &str, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert ignore into accepted_terms (user_nid, terms_id, version, accepted_at) values (?, ?, ?, ?)",
        user,
        terms_id,
        version,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists what a user has accepted: documents and versions, with the times, the oldest first.
pub async fn list(conn: &mut Conn, user: UserNid) -> Result<Vec<(String, String, i64)>> {
    let rows = sqlx::query!(
        "select terms_id as `terms_id: Text`, version as `version: Text`, accepted_at
         from accepted_terms
         where user_nid = ?
         order by accepted_at, terms_id, version",
        user
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.terms_id.0, row.version.0, row.accepted_at)).collect())
}

/// Forgets what a user has accepted.
pub async fn delete_all(conn: &mut Conn, user: UserNid) -> Result<()> {
    sqlx::query!("delete from accepted_terms where user_nid = ?", user).execute(conn).await?;
    Ok(())
}
