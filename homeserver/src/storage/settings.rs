//! Single values the server keeps for itself, such as its signing keys.

use super::Conn;
use crate::Result;

/// Finds the value stored under `name`.
pub async fn find(conn: &mut Conn, name: &str) -> Result<Option<Vec<u8>>> {
    Ok(sqlx::query_scalar!("select value from server_settings where name = ?", name).fetch_optional(conn).await?)
}

/// Stores `value` under `name` unless something is stored there; returns what is stored then.
pub async fn find_or_insert(conn: &mut Conn, name: &str, value: &[u8], now_ms: i64) -> Result<Vec<u8>> {
    sqlx::query!("insert ignore into server_settings (name, value, updated_at) values (?, ?, ?)", name, value, now_ms)
        .execute(&mut *conn)
        .await?;
    Ok(sqlx::query_scalar!("select value from server_settings where name = ?", name).fetch_one(conn).await?)
}

/// Stores `value` under `name`, whatever was there.
pub async fn replace(conn: &mut Conn, name: &str, value: &[u8], now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert into server_settings (name, value, updated_at) values (?, ?, ?)
         on duplicate key update value = values(value), updated_at = values(updated_at)",
        name,
        value,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}
