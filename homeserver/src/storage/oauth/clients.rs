//! Applications as they registered themselves.

use crate::{
    Result,
    storage::{Conn, codec::Text},
};

/// Inserts an application, or notes that it is in use.
pub async fn upsert(conn: &mut Conn, client_id: &str, metadata: &str, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert into oauth_clients (client_id, metadata, used_at, created_at) values (?, ?, ?, ?)
         on duplicate key update used_at = values(used_at)",
        client_id,
        metadata,
        now_ms,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds an application's metadata.
pub async fn find(conn: &mut Conn, client_id: &str) -> Result<Option<String>> {
    let found =
        sqlx::query_scalar!("select metadata as `metadata: Text` from oauth_clients where client_id = ?", client_id);
    Ok(found.fetch_optional(conn).await?.map(|metadata| metadata.0))
}

/// Notes that an application is in use.
pub async fn update_used(conn: &mut Conn, client_id: &str, now_ms: i64) -> Result<()> {
    sqlx::query!("update oauth_clients set used_at = ? where client_id = ?", now_ms, client_id).execute(conn).await?;
    Ok(())
}

/// Deletes applications that nobody has used since `before` and that have no session; returns how
/// many. Client-server API, "Dynamic client registration flow".
pub async fn delete_unused(conn: &mut Conn, before: i64) -> Result<u64> {
    let done = sqlx::query!(
        "delete from oauth_clients
         where used_at < ?
           and not exists (select 1 from oauth_sessions where oauth_sessions.client_id = oauth_clients.client_id)
           and not exists (select 1 from oauth_codes where oauth_codes.client_id = oauth_clients.client_id)
           and not exists (
               select 1 from oauth_device_grants where oauth_device_grants.client_id = oauth_clients.client_id
           )
         limit 1000",
        before
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
