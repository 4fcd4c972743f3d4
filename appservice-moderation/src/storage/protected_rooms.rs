//! The rooms that the bot is in, and whether it looks after them.

use ruma::{OwnedRoomId, RoomId, UserId};

use super::{Conn, codec::RoomIdColumn};
use crate::Result;

/// The rooms that the bot looks after.
pub async fn list(conn: &mut Conn) -> Result<Vec<OwnedRoomId>> {
    let rooms = sqlx::query_scalar!(
        r#"select room_id as "room_id: RoomIdColumn" from protected_rooms where is_protected order by added_at, room_id"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rooms.into_iter().map(|room| room.0).collect())
}

/// Whether the bot looks after a room; `None` if it knows nothing of it.
pub async fn is_protected(conn: &mut Conn, room_id: &RoomId) -> Result<Option<bool>> {
    let found = sqlx::query_scalar!(
        r#"select is_protected as "is_protected: bool" from protected_rooms where room_id = ?"#,
        room_id.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(found)
}

/// Notes whether the bot looks after a room.
pub async fn put(conn: &mut Conn, room_id: &RoomId, is_protected: bool, by: &UserId, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert into protected_rooms (room_id, is_protected, added_by, added_at)
         values (?, ?, ?, ?)
         on duplicate key update is_protected = values(is_protected), added_by = values(added_by)",
        room_id.as_str(),
        is_protected,
        by.as_str(),
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets a room that the bot has left.
pub async fn delete(conn: &mut Conn, room_id: &RoomId) -> Result<()> {
    sqlx::query!("delete from protected_rooms where room_id = ?", room_id.as_str()).execute(conn).await?;
    Ok(())
}
