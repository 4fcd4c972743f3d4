//! Reads receipts and fully-read markers. Writing them is the log's.

use super::{
    Conn,
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
