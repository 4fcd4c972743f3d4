//! Cases: what was done for one reason.

use ruma::{OwnedRoomId, OwnedUserId, UserId};

use super::{
    Conn,
    codec::{RoomIdColumn, Text, UserIdColumn},
};
use crate::Result;

/// A case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its ID, such as `c_8k2fma3p`.
    pub case_id: String,
    /// What it is about, in a few words.
    pub title: String,
    /// Why.
    pub reason: Option<String>,
    /// Who began it.
    pub author: OwnedUserId,
    /// By what way it came to be.
    pub origin: String,
    /// The room that it concerns, if only one.
    pub room_id: Option<OwnedRoomId>,
    /// When.
    pub created_at: i64,
    /// When it was undone.
    pub undone_at: Option<i64>,
    /// By whom.
    pub undone_by: Option<OwnedUserId>,
}

struct Row {
    case_id: Text,
    title: String,
    reason: Option<String>,
    author: UserIdColumn,
    origin: Text,
    room_id: Option<RoomIdColumn>,
    created_at: i64,
    undone_at: Option<i64>,
    undone_by: Option<UserIdColumn>,
}

impl From<Row> for Case {
    fn from(row: Row) -> Self {
        Self {
            case_id: row.case_id.0,
            title: row.title,
            reason: row.reason,
            author: row.author.0,
            origin: row.origin.0,
            room_id: row.room_id.map(|room| room.0),
            created_at: row.created_at,
            undone_at: row.undone_at,
            undone_by: row.undone_by.map(|user| user.0),
        }
    }
}

/// Reads cases: what follows `from cases` in the statement, and its parameters.
macro_rules! select_cases {
    ($rest:literal, $($parameter:expr),+) => {
        sqlx::query_as!(
            Row,
            "select
                case_id as `case_id: Text`, title, reason, author as `author: UserIdColumn`,
                origin as `origin: Text`, room_id as `room_id: RoomIdColumn`, created_at, undone_at,
                undone_by as `undone_by: UserIdColumn`
             from cases " + $rest,
            $($parameter),+
        )
    };
}

/// Begins a case; says whether what caused it had not begun one before.
pub async fn insert(conn: &mut Conn, case: &Case, cause: &str) -> Result<bool> {
    let done = sqlx::query!(
        "insert ignore into cases (case_id, cause, title, reason, author, origin, room_id, created_at)
         values (?, ?, ?, ?, ?, ?, ?, ?)",
        case.case_id,
        cause,
        case.title,
        case.reason,
        case.author.as_str(),
        case.origin,
        case.room_id.as_ref().map(|room| room.as_str()),
        case.created_at
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A case.
pub async fn find(conn: &mut Conn, case_id: &str) -> Result<Option<Case>> {
    let row = select_cases!("where case_id = ?", case_id).fetch_optional(conn).await?;
    Ok(row.map(Case::from))
}

/// The newest cases, the newest first.
pub async fn list(conn: &mut Conn, limit: u32) -> Result<Vec<Case>> {
    let rows = select_cases!("order by created_at desc limit ?", limit).fetch_all(conn).await?;
    Ok(rows.into_iter().map(Case::from).collect())
}

/// The newest cases that concern one room only, the newest first.
pub async fn list_of_room(conn: &mut Conn, room_id: &str, limit: u32) -> Result<Vec<Case>> {
    let rows = select_cases!("where room_id = ? order by created_at desc limit ?", room_id, limit);
    Ok(rows.fetch_all(conn).await?.into_iter().map(Case::from).collect())
}

/// The newest cases with an act on `target`, the newest first.
pub async fn list_about(conn: &mut Conn, target: &str, limit: u32) -> Result<Vec<Case>> {
    let rows = select_cases!(
        "where case_id in (select case_id from jobs where target = ?) order by created_at desc limit ?",
        target,
        limit
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(Case::from).collect())
}

/// Notes that a case is undone; says whether it was not before.
pub async fn undo(conn: &mut Conn, case_id: &str, by: &UserId, now_ms: i64) -> Result<bool> {
    let done = sqlx::query!(
        "update cases set undone_at = ?, undone_by = ? where case_id = ? and undone_at is null",
        now_ms,
        by.as_str(),
        case_id
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
