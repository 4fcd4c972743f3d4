//! Unread counts, as they stood when they were last stored.

use sqlx::{Arguments, AssertSqlSafe};

use super::{
    Conn,
    bulk::{self, Insert},
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

/// Finds a user's counts in `rooms`.
pub async fn find(conn: &mut Conn, user: UserNid, rooms: &[RoomNid]) -> Result<Vec<UnreadRow>> {
    let mut counts = Vec::new();
    for list in bulk::lists(rooms) {
        let sql = format!(
            "select room_nid, position, content from unread_counts where user_nid = ? and room_nid in ({})",
            bulk::marks(list.len())
        );
        let mut query = sqlx::query_as::<_, (i64, i64, Text)>(AssertSqlSafe(sql)).bind(user.0);
        for room in &list {
            query = query.bind(room.0);
        }
        let rows = query.fetch_all(&mut *conn).await?.into_iter();
        counts.extend(rows.map(|(room, position, content)| UnreadRow {
            user,
            room: RoomNid(room),
            position: Position(position),
            content: content.0,
        }));
    }
    Ok(counts)
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
