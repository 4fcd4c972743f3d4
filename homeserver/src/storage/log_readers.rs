//! Where the readers of the log have come to.

use super::{Conn, numbers::Position};
use crate::Result;

/// Finds up to which position everything is dealt with by the reader `name`.
pub async fn find(conn: &mut Conn, name: &str) -> Result<Position> {
    let found = sqlx::query_scalar!("select position from log_readers where name = ?", name);
    Ok(found.fetch_optional(conn).await?.map_or(Position::ZERO, Position))
}

/// The same in a transaction, until whose end no other process moves the reader.
pub async fn hold(conn: &mut Conn, name: &str) -> Result<Position> {
    sqlx::query!("insert ignore into log_readers (name, position) values (?, 0)", name).execute(&mut *conn).await?;
    let held = sqlx::query_scalar!("select position from log_readers where name = ? for update", name);
    Ok(Position(held.fetch_one(conn).await?))
}

/// Moves a reader whose turn is held.
pub async fn advance(conn: &mut Conn, name: &str, position: Position) -> Result<()> {
    sqlx::query!("update log_readers set position = ? where name = ?", position, name).execute(conn).await?;
    Ok(())
}
