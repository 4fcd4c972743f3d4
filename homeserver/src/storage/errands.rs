//! Work that administrators asked for and that takes its time.

use ruma::OwnedUserId;

use super::{
    Conn,
    codec::{Text, UserIdColumn},
    numbers::UserNid,
};
use crate::Result;

/// How far an errand has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has begun.
    Scheduled = 0,
    /// It is being done.
    Active = 1,
    /// It is done.
    Complete = 2,
    /// It could not be done.
    Failed = 3,
}

impl State {
    fn from_column(column: i8) -> Self {
        match column {
            0 => Self::Scheduled,
            1 => Self::Active,
            2 => Self::Complete,
            _ => Self::Failed,
        }
    }
}

/// An errand as it is stored.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `errands`, with a name for a number")]
pub struct Errand {
    pub id: String,
    pub kind: i8,
    pub subject: String,
    pub caller: UserNid,
    pub caller_id: OwnedUserId,
    pub state: State,
    /// JSON.
    pub request: String,
    /// JSON.
    pub progress: String,
    pub created_at: i64,
    pub updated_at: i64,
}

struct Row {
    errand_id: Text,
    kind: i8,
    subject: Text,
    caller_nid: i64,
    caller_id: UserIdColumn,
    state: i8,
    request: Text,
    progress: Text,
    created_at: i64,
    updated_at: i64,
}

impl From<Row> for Errand {
    fn from(row: Row) -> Self {
        Self {
            id: row.errand_id.0,
            kind: row.kind,
            subject: row.subject.0,
            caller: UserNid(row.caller_nid),
            caller_id: row.caller_id.0,
            state: State::from_column(row.state),
            request: row.request.0,
            progress: row.progress.0,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Reads errands: what follows the tables in the statement, and its parameters.
macro_rules! select_errands {
    ($rest:literal, $($parameter:expr),+) => {
        sqlx::query_as!(
            Row,
            "select
                errand_id as `errand_id: Text`, kind, subject as `subject: Text`, caller_nid,
                users.user_id as `caller_id: UserIdColumn`, state, request as `request: Text`,
                progress as `progress: Text`, created_at, updated_at
             from errands
             join users on users.user_nid = caller_nid " + $rest,
            $($parameter),+
        )
    };
}

/// Inserts an errand that nobody has begun.
pub async fn insert(conn: &mut Conn, errand: &Errand) -> Result<()> {
    sqlx::query!(
        "insert into errands (errand_id, kind, subject, caller_nid, state, request, progress, created_at, updated_at)
         values (?, ?, ?, ?, 0, ?, ?, ?, ?)",
        errand.id,
        errand.kind,
        errand.subject,
        errand.caller,
        errand.request,
        errand.progress,
        errand.created_at,
        errand.created_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds an errand of a kind.
pub async fn find(conn: &mut Conn, kind: i8, id: &str) -> Result<Option<Errand>> {
    let row = select_errands!("where errand_id = ? and kind = ?", id, kind);
    Ok(row.fetch_optional(conn).await?.map(Errand::from))
}

/// Lists the errands of a kind that concern a subject, the oldest first.
pub async fn list(conn: &mut Conn, kind: i8, subject: &str) -> Result<Vec<Errand>> {
    let rows = select_errands!("where kind = ? and subject = ? order by created_at, errand_id", kind, subject);
    Ok(rows.fetch_all(conn).await?.into_iter().map(Errand::from).collect())
}

/// Lists all errands, the newest first; at most `limit`.
pub async fn list_all(conn: &mut Conn, limit: u32) -> Result<Vec<Errand>> {
    let rows = select_errands!("order by created_at desc, errand_id limit ?", limit);
    Ok(rows.fetch_all(conn).await?.into_iter().map(Errand::from).collect())
}

/// Finds the oldest errand that is not done and that nobody has claimed.
pub async fn next(conn: &mut Conn, now_ms: i64) -> Result<Option<Errand>> {
    let row =
        select_errands!("where state in (0, 1) and claimed_until <= ? order by created_at, errand_id limit 1", now_ms);
    Ok(row.fetch_optional(conn).await?.map(Errand::from))
}

/// Claims an errand until `until`, unless somebody else has; returns whether it is claimed now.
pub async fn claim(conn: &mut Conn, id: &str, now_ms: i64, until: i64) -> Result<bool> {
    let done = sqlx::query!(
        "update errands
         set state = 1, claimed_until = ?
         where errand_id = ? and state in (0, 1) and claimed_until <= ?",
        until,
        id,
        now_ms
    );
    Ok(done.execute(conn).await?.rows_affected() == 1)
}

/// Moves the end of a claim.
pub async fn update_claim(conn: &mut Conn, id: &str, until: i64) -> Result<()> {
    sqlx::query!("update errands set claimed_until = ? where errand_id = ?", until, id).execute(conn).await?;
    Ok(())
}

/// Notes how far an errand has come.
pub async fn update(conn: &mut Conn, id: &str, state: State, progress: &str, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "update errands set state = ?, progress = ?, updated_at = ? where errand_id = ?",
        state as i8,
        progress,
        now_ms,
        id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes errands that ended before a time.
pub async fn delete_old(conn: &mut Conn, before_ms: i64) -> Result<u64> {
    let done = sqlx::query!("delete from errands where state in (2, 3) and updated_at < ? limit 1000", before_ms);
    Ok(done.execute(conn).await?.rows_affected())
}
