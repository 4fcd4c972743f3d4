//! Where the bot speaks to single users.

use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};

use super::{
    Conn,
    codec::{RoomIdColumn, UserIdColumn},
};
use crate::Result;

/// The chat with a user.
pub async fn find(conn: &mut Conn, user_id: &UserId) -> Result<Option<OwnedRoomId>> {
    let room = sqlx::query_scalar!(
        r#"select room_id as "room_id: RoomIdColumn" from direct_chats where user_id = ?"#,
        user_id.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(room.map(|room| room.0))
}

/// With whom the bot speaks in a room, if it is a chat.
pub async fn find_user(conn: &mut Conn, room_id: &RoomId) -> Result<Option<OwnedUserId>> {
    let user = sqlx::query_scalar!(
        r#"select user_id as "user_id: UserIdColumn" from direct_chats where room_id = ? limit 1"#,
        room_id.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(user.map(|user| user.0))
}

/// Notes the chat with a user, in place of an earlier one.
pub async fn put(conn: &mut Conn, user_id: &UserId, room_id: &RoomId) -> Result<()> {
    sqlx::query!(
        "insert into direct_chats (user_id, room_id)
         values (?, ?)
         on duplicate key update room_id = values(room_id)",
        user_id.as_str(),
        room_id.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets a chat that the bot has left.
pub async fn delete(conn: &mut Conn, room_id: &RoomId) -> Result<()> {
    sqlx::query!("delete from direct_chats where room_id = ?", room_id.as_str()).execute(conn).await?;
    Ok(())
}
