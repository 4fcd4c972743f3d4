//! Where the readers of the log have come to.

use super::{Conn, numbers::Position};
use crate::Result;

/// Takes the turn of the reader `name`, in a transaction, until that ends: no other process reads on
/// meanwhile. Returns the position up to which everything is dealt with.
pub async fn hold(conn: &mut Conn, name: &str) -> Result<Position> {
    let held = sqlx::query_scalar!("select position from log_readers where name = ? for update", name);
    if let Some(position) = held.fetch_optional(&mut *conn).await? {
        return Ok(Position(position));
    }
    sqlx::query!("insert ignore into log_readers (name, position) values (?, 0)", name).execute(&mut *conn).await?;
    let held = sqlx::query_scalar!("select position from log_readers where name = ? for update", name);
    Ok(Position(held.fetch_one(conn).await?))
}

/// Moves a reader whose turn is held.
pub async fn advance(conn: &mut Conn, name: &str, position: Position) -> Result<()> {
    sqlx::query!("update log_readers set position = ? where name = ?", position, name).execute(conn).await?;
    Ok(())
}
