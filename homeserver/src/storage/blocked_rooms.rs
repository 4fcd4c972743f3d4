//! Rooms that nobody comes into from here.

use ruma::{OwnedUserId, RoomId};

use super::{Conn, codec::UserIdColumn, numbers::UserNid};
use crate::Result;

/// Blocks a room; one that is blocked stays blocked by who did it.
pub async fn insert(conn: &mut Conn, room_id: &RoomId, by: UserNid, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert ignore into blocked_rooms (room_id, blocked_by, created_at) values (?, ?, ?)",
        room_id.as_str(),
        by,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Unblocks a room.
pub async fn delete(conn: &mut Conn, room_id: &RoomId) -> Result<()> {
    sqlx::query!("delete from blocked_rooms where room_id = ?", room_id.as_str()).execute(conn).await?;
    Ok(())
}

/// Finds who has blocked a room.
pub async fn find(conn: &mut Conn, room_id: &RoomId) -> Result<Option<OwnedUserId>> {
    let found = sqlx::query_scalar!(
        "select user_id as `user_id: UserIdColumn`
         from blocked_rooms
         join users on users.user_nid = blocked_by
         where room_id = ?",
        room_id.as_str()
    );
    Ok(found.fetch_optional(conn).await?.map(|user| user.0))
}
