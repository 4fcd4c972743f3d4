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

/// Finds the counts of `users` in `rooms`, one of which should be one.
pub async fn find(conn: &mut Conn, users: &[UserNid], rooms: &[RoomNid]) -> Result<Vec<UnreadRow>> {
    let mut counts = Vec::new();
    for (users, rooms) in bulk::crossed_lists(users, rooms) {
        let sql = format!(
            "select user_nid, room_nid, position, content from unread_counts \
             where user_nid in ({}) and room_nid in ({})",
            bulk::marks(users.len()),
            bulk::marks(rooms.len())
        );
        let mut query = sqlx::query_as::<_, (i64, i64, i64, Text)>(AssertSqlSafe(sql));
        for nid in users.iter().map(|user| user.0).chain(rooms.iter().map(|room| room.0)) {
            query = query.bind(nid);
        }
        let rows = query.fetch_all(&mut *conn).await?.into_iter();
        counts.extend(rows.map(|(user, room, position, content)| UnreadRow {
            user: UserNid(user),
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
