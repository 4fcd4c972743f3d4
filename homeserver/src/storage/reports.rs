//! What users find inappropriate.

use ruma::OwnedEventId;

use super::{
    Conn,
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

/// Inserts a report.
pub async fn insert(conn: &mut Conn, report: &Report) -> Result<()> {
    let (kind, room, event_id, user, content) = match &report.subject {
        Subject::Event { room, id, sender, content } => (1_i8, Some(*room), Some(id), Some(*sender), Some(content)),
        Subject::Room(room) => (2, Some(*room), None, None, None),
        Subject::User(user) => (3, None, None, Some(*user), None),
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
