//! What users find inappropriate.

pub mod numbered;

use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};

use super::{
    Conn,
    codec::{EventIdColumn, RoomIdColumn, Text, UserIdColumn},
    numbers::{RoomNid, UserNid},
};
use crate::Result;

/// A report.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its number.
    pub nid: i64,
    /// Who reports.
    pub reporter: UserNid,
    /// What is reported.
    pub subject: Subject,
    /// Why; may be empty.
    pub reason: String,
    /// When, in ms since the epoch.
    pub created_at: i64,
}

/// What is reported.
#[derive(Clone, Debug)]
pub enum Subject {
    /// An event.
    Event {
        /// Its room.
        room: RoomNid,
        /// Its ID.
        id: OwnedEventId,
        /// Who sent it.
        sender: UserNid,
        /// The event as the reporter saw it, JSON.
        content: String,
    },
    /// A room.
    Room(RoomNid),
    /// A user.
    User(UserNid),
}

/// `reports.kind` of an event.
pub const EVENT: i8 = 1;
/// `reports.kind` of a room.
pub const ROOM: i8 = 2;
/// `reports.kind` of a user.
pub const USER: i8 = 3;

/// Inserts a report.
pub async fn insert(conn: &mut Conn, report: &Report) -> Result<()> {
    let (kind, room, event_id, user, content) = match &report.subject {
        Subject::Event { room, id, sender, content } => (EVENT, Some(*room), Some(id), Some(*sender), Some(content)),
        Subject::Room(room) => (ROOM, Some(*room), None, None, None),
        Subject::User(user) => (USER, None, None, Some(*user), None),
    };
    sqlx::query!(
        "insert into reports
             (report_nid, kind, reporter_nid, room_nid, event_id, user_nid, reason, content, created_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        report.nid,
        kind,
        report.reporter,
        room,
        event_id.map(|id| id.as_bytes()),
        user,
        report.reason.as_bytes(),
        content.map(String::as_bytes),
        report.created_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A report as it is stored.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `reports`, with names for numbers")]
pub struct StoredReport {
    pub nid: i64,
    pub kind: i8,
    pub reporter: OwnedUserId,
    pub room_id: Option<OwnedRoomId>,
    pub event_id: Option<OwnedEventId>,
    pub user_id: Option<OwnedUserId>,
    pub reason: String,
    pub content: Option<String>,
    pub created_at: i64,
}

/// Lists at most `limit` reports, the oldest first, after the one of a time and a number.
pub async fn list(conn: &mut Conn, after: (i64, i64), limit: u32) -> Result<Vec<StoredReport>> {
    let (at, nid) = after;
    let rows = sqlx::query!(
        "select report_nid, reports.kind, reporters.user_id as `reporter: UserIdColumn`,
                rooms.room_id as `room_id?: RoomIdColumn`, event_id as `event_id: EventIdColumn`,
                reported.user_id as `user_id?: UserIdColumn`, reason as `reason: Text`, content as `content: Text`,
                reports.created_at
         from reports
         join users as reporters on reporters.user_nid = reporter_nid
         left join rooms on rooms.room_nid = reports.room_nid
         left join users as reported on reported.user_nid = reports.user_nid
         where reports.created_at > ? or (reports.created_at = ? and report_nid > ?)
         order by reports.created_at, report_nid
         limit ?",
        at,
        at,
        nid,
        limit
    )
    .fetch_all(conn)
    .await?;
    let reports = rows.into_iter().map(|row| StoredReport {
        nid: row.report_nid,
        kind: row.kind,
        reporter: row.reporter.0,
        room_id: row.room_id.map(|id| id.0),
        event_id: row.event_id.map(|id| id.0),
        user_id: row.user_id.map(|id| id.0),
        reason: row.reason.0,
        content: row.content.map(|content| content.0),
        created_at: row.created_at,
    });
    Ok(reports.collect())
}
