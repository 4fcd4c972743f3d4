//! Unread counts, as they stood when they were last stored.

use sqlx::Arguments;

use super::{
    Conn,
    bulk::Insert,
    codec::Text,
    numbers::{Position, RoomNid, UserNid},
};
use crate::Result;

/// A stored count.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `unread_counts`")]
pub struct UnreadRow {
    pub user: UserNid,
    pub room: RoomNid,
    pub position: Position,
    pub content: String,
}

/// Finds a count.
pub async fn find(conn: &mut Conn, user: UserNid, room: RoomNid) -> Result<Option<UnreadRow>> {
    let row = sqlx::query!(
        "select position, content as `content: Text` from unread_counts where user_nid = ? and room_nid = ?",
        user,
        room
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| UnreadRow { user, room, position: Position(row.position), content: row.content.0 }))
}

/// Stores counts, each in the place of an older one.
pub async fn save(conn: &mut Conn, rows: &[UnreadRow]) -> Result<()> {
    const COUNTS: Insert = Insert {
        head: "insert into unread_counts (user_nid, room_nid, position, content) values",
        columns: 4,
        tail: "on duplicate key update position = values(position), content = values(content)",
    };
    COUNTS
        .run(conn, rows, |row, to| {
            to.add(row.user)?;
            to.add(row.room)?;
            to.add(row.position)?;
            to.add(row.content.as_bytes())
        })
        .await?;
    Ok(())
}
