//! The rooms in which the server tells users what concerns them.

use super::{
    Conn,
    numbers::{RoomNid, UserNid},
};
use crate::Result;

/// Finds the room of a user.
pub async fn find_room(conn: &mut Conn, user: UserNid) -> Result<Option<RoomNid>> {
    let found = sqlx::query_scalar!("select room_nid from server_notice_rooms where user_nid = ?", user);
    Ok(found.fetch_optional(conn).await?.map(RoomNid))
}

/// Makes `room` that of a user, unless there is one already.
pub async fn insert_room(conn: &mut Conn, user: UserNid, room: RoomNid, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert ignore into server_notice_rooms (user_nid, room_nid, created_at) values (?, ?, ?)",
        user,
        room,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}
