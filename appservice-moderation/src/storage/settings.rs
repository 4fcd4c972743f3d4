//! What this program finds out or makes once.

use super::Conn;
use crate::Result;

/// A setting, if it is there.
pub async fn find(conn: &mut Conn, name: &str) -> Result<Option<Vec<u8>>> {
    let value = sqlx::query_scalar!("select value from settings where name = ?", name).fetch_optional(conn).await?;
    Ok(value)
}

/// Writes a setting.
pub async fn put(conn: &mut Conn, name: &str, value: &[u8], now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert into settings (name, value, updated_at)
         values (?, ?, ?)
         on duplicate key update value = values(value), updated_at = values(updated_at)",
        name,
        value,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}
