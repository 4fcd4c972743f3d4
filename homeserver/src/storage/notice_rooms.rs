//! The rooms in which the server tells people something.

use super::{
    Conn,
    numbers::{RoomNid, UserNid},
};
use crate::Result;

/// Finds the room of a user.
pub async fn find(conn: &mut Conn, user: UserNid) -> Result<Option<RoomNid>> {
    let found = sqlx::query_scalar!("select room_nid from notice_rooms where user_nid = ?", user);
    Ok(found.fetch_optional(conn).await?.map(RoomNid))
}

/// Notes the room of a user, in the place of `old` if there was one; tells whether it is the user's now.
pub async fn replace(conn: &mut Conn, user: UserNid, old: Option<RoomNid>, room: RoomNid) -> Result<bool> {
    let done = match old {
        None => {
            sqlx::query!("insert ignore into notice_rooms (user_nid, room_nid) values (?, ?)", user, room)
                .execute(conn)
                .await?
        }
        Some(old) => {
            sqlx::query!("update notice_rooms set room_nid = ? where user_nid = ? and room_nid = ?", room, user, old)
                .execute(conn)
                .await?
        }
    };
    Ok(done.rows_affected() == 1)
}
