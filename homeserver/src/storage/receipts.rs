//! Reads receipts and fully-read markers. Writing them is the log's.

use sqlx::{AssertSqlSafe, FromRow};

use super::{
    Conn, bulk,
    codec::{EventIdColumn, Text},
    log::rows::ReceiptRow,
    numbers::{Position, RoomNid, UserNid},
};
use crate::Result;

/// `receipts.kind` of receipts that everybody in the room may see.
pub const PUBLIC: i8 = 1;
/// `receipts.kind` of receipts that only their user may see.
pub const PRIVATE: i8 = 2;

/// How far a user has read one thread of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of `receipts`")]
pub struct Mark {
    pub kind: i8,
    pub thread: String,
    pub event_position: Position,
}

/// Lists how far a user has read a room.
pub async fn marks(conn: &mut Conn, room: RoomNid, user: UserNid) -> Result<Vec<Mark>> {
    let rows = sqlx::query!(
        "select kind, thread as `thread: Text`, event_position
         from receipts
         where room_nid = ? and user_nid = ?",
        room,
        user
    )
    .fetch_all(conn)
    .await?;
    let mark = |(kind, thread, position)| Mark { kind, thread, event_position: Position(position) };
    Ok(rows.into_iter().map(|row| mark((row.kind, row.thread.0, row.event_position))).collect())
}

/// How far `users` have read `rooms`, one of which should be one.
pub async fn marks_of(
    conn: &mut Conn,
    users: &[UserNid],
    rooms: &[RoomNid],
) -> Result<Vec<((UserNid, RoomNid), Mark)>> {
    let mut marks = Vec::new();
    for (users, rooms) in bulk::crossed_lists(users, rooms) {
        let sql = format!(
            "select user_nid, room_nid, kind, thread, event_position from receipts \
             where user_nid in ({}) and room_nid in ({})",
            bulk::marks(users.len()),
            bulk::marks(rooms.len())
        );
        let mut query = sqlx::query_as::<_, (i64, i64, i8, Text, i64)>(AssertSqlSafe(sql));
        for nid in users.iter().map(|user| user.0).chain(rooms.iter().map(|room| room.0)) {
            query = query.bind(nid);
        }
        let mark = |(user, room, kind, thread, position): (i64, i64, i8, Text, i64)| {
            let mark = Mark { kind, thread: thread.0, event_position: Position(position) };
            ((UserNid(user), RoomNid(room)), mark)
        };
        marks.extend(query.fetch_all(&mut *conn).await?.into_iter().map(mark));
    }
    Ok(marks)
}

/// Lists the receipts of a room that `reader` may see and that came after `since`, oldest first.
pub async fn list(conn: &mut Conn, room: RoomNid, reader: UserNid, since: Position) -> Result<Vec<ReceiptRow>> {
    let rows = sqlx::query!(
        "select user_nid, kind, thread as `thread: Text`, event_id as `event_id: EventIdColumn`, event_position, ts,
                position
         from receipts
         where room_nid = ? and position > ? and (kind = 1 or user_nid = ?)
         order by position",
        room,
        since,
        reader
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ReceiptRow {
            room,
            user: UserNid(row.user_nid),
            kind: row.kind,
            thread: row.thread.0,
            event_id: row.event_id.0,
            event_position: Position(row.event_position),
            ts: row.ts,
            position: Position(row.position),
        })
        .collect())
}

/// Lists all receipts of several rooms that `reader` may see, oldest first.
pub async fn list_in(conn: &mut Conn, rooms: &[RoomNid], reader: UserNid) -> Result<Vec<ReceiptRow>> {
    #[derive(FromRow)]
    struct Row {
        room_nid: i64,
        user_nid: i64,
        kind: i8,
        thread: Text,
        event_id: EventIdColumn,
        event_position: i64,
        ts: i64,
        position: i64,
    }
    let mut receipts = Vec::new();
    for list in bulk::lists(rooms) {
        let sql = format!(
            "select room_nid, user_nid, kind, thread, event_id, event_position, ts, position \
             from receipts \
             where room_nid in ({}) and (kind = 1 or user_nid = ?) \
             order by position",
            bulk::marks(list.len())
        );
        let mut query = sqlx::query_as::<_, Row>(AssertSqlSafe(sql));
        for room in &list {
            query = query.bind(room.0);
        }
        receipts.extend(query.bind(reader.0).fetch_all(&mut *conn).await?.into_iter().map(|row| ReceiptRow {
            room: RoomNid(row.room_nid),
            user: UserNid(row.user_nid),
            kind: row.kind,
            thread: row.thread.0,
            event_id: row.event_id.0,
            event_position: Position(row.event_position),
            ts: row.ts,
            position: Position(row.position),
        }));
    }
    Ok(receipts)
}
