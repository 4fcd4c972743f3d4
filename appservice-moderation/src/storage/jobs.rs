//! Jobs: acts that are written down before they are done.

use super::{Conn, codec::Text};
use crate::Result;

/// What became of a job so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for its time.
    Queued,
    /// It was begun; whether it was done is not known yet.
    Begun,
    /// It is done.
    Done,
    /// There was nothing to do: it was so already.
    Needless,
    /// It cannot be done.
    Failed,
    /// It was called off before it was done.
    Cancelled,
}

impl State {
    const ALL: [(Self, &str); 6] = [
        (Self::Queued, "queued"),
        (Self::Begun, "begun"),
        (Self::Done, "done"),
        (Self::Needless, "needless"),
        (Self::Failed, "failed"),
        (Self::Cancelled, "cancelled"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map(|(_, name)| *name).unwrap_or_default()
    }

    /// Whether something is still to be done.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Begun)
    }

    fn of(name: &str) -> Self {
        Self::ALL.iter().find(|(_, known)| *known == name).map_or(Self::Failed, |(state, _)| *state)
    }
}

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its ID, which follows from its case and number.
    pub job_id: String,
    /// Its case.
    pub case_id: String,
    /// Its place in the case.
    pub number: i32,
    /// The kind of act.
    pub kind: String,
    /// Where.
    pub room_id: Option<String>,
    /// On whom or what.
    pub target: Option<String>,
    /// The act, as JSON.
    pub act: Vec<u8>,
    /// The job that this takes back.
    pub reverses: Option<String>,
    /// What became of it.
    pub state: State,
    /// How often it was begun.
    pub attempts: i32,
    /// When it is to be done.
    pub due_at: i64,
    /// When it was finished.
    pub finished_at: Option<i64>,
    /// What it left behind, as JSON: what is needed to take it back, or why it failed.
    pub outcome: Option<Vec<u8>>,
}

struct Row {
    job_id: Text,
    case_id: Text,
    number: i32,
    kind: Text,
    room_id: Option<Text>,
    target: Option<Text>,
    act: Vec<u8>,
    reverses: Option<Text>,
    state: Text,
    attempts: i32,
    due_at: i64,
    finished_at: Option<i64>,
    outcome: Option<Vec<u8>>,
}

impl From<Row> for Job {
    fn from(row: Row) -> Self {
        Self {
            job_id: row.job_id.0,
            case_id: row.case_id.0,
            number: row.number,
            kind: row.kind.0,
            room_id: row.room_id.map(|text| text.0),
            target: row.target.map(|text| text.0),
            act: row.act,
            reverses: row.reverses.map(|text| text.0),
            state: State::of(&row.state.0),
            attempts: row.attempts,
            due_at: row.due_at,
            finished_at: row.finished_at,
            outcome: row.outcome,
        }
    }
}

/// Reads jobs: what follows `from jobs` in the statement, and its parameters.
macro_rules! select_jobs {
    ($rest:literal, $($parameter:expr),+) => {
        sqlx::query_as!(
            Row,
            "select
                job_id as `job_id: Text`, case_id as `case_id: Text`, number, kind as `kind: Text`,
                room_id as `room_id: Text`, target as `target: Text`, act, reverses as `reverses: Text`,
                state as `state: Text`, attempts, due_at, finished_at, outcome
             from jobs " + $rest,
            $($parameter),+
        )
    };
}

/// Writes a job down, unless it, or another that reverses the same, is there.
pub async fn insert(conn: &mut Conn, job: &Job, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert ignore into jobs
             (job_id, case_id, number, kind, room_id, target, act, reverses, state, attempts, due_at, created_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        job.job_id,
        job.case_id,
        job.number,
        job.kind,
        job.room_id,
        job.target,
        job.act,
        job.reverses,
        job.state.name(),
        job.attempts,
        job.due_at,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The jobs of a case, in their order.
pub async fn list(conn: &mut Conn, case_id: &str) -> Result<Vec<Job>> {
    let rows = select_jobs!("where case_id = ? order by number, reverses", case_id).fetch_all(conn).await?;
    Ok(rows.into_iter().map(Job::from).collect())
}

/// A job.
pub async fn find(conn: &mut Conn, job_id: &str) -> Result<Option<Job>> {
    let row = select_jobs!("where job_id = ?", job_id).fetch_optional(conn).await?;
    Ok(row.map(Job::from))
}

/// The jobs that are to be done now: those whose time came first, and of these in the order of their cases.
pub async fn list_due(conn: &mut Conn, now_ms: i64, limit: u32) -> Result<Vec<Job>> {
    let rows = select_jobs!(
        "where state in ('queued', 'begun') and due_at <= ? order by due_at, case_id, number limit ?",
        now_ms,
        limit
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(Job::from).collect())
}

/// Notes that a job is begun once more.
pub async fn begin(conn: &mut Conn, job_id: &str) -> Result<bool> {
    let done = sqlx::query!(
        "update jobs set state = 'begun', attempts = attempts + 1
         where job_id = ? and state in ('queued', 'begun')",
        job_id
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How a job ended.
#[derive(Debug)]
pub struct Finished<'a> {
    /// What became of it.
    pub state: State,
    /// What is kept of the act.
    pub act: &'a [u8],
    /// What it left behind.
    pub outcome: &'a [u8],
}

/// Notes how a job ended.
pub async fn finish(conn: &mut Conn, job_id: &str, how: &Finished<'_>, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "update jobs set state = ?, act = ?, outcome = ?, finished_at = ?
         where job_id = ? and state in ('queued', 'begun')",
        how.state.name(),
        how.act,
        how.outcome,
        now_ms,
        job_id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Puts a job off that cannot be done yet.
pub async fn put_off(conn: &mut Conn, job_id: &str, until: i64) -> Result<()> {
    sqlx::query!("update jobs set due_at = ? where job_id = ?", until, job_id).execute(conn).await?;
    Ok(())
}

/// Calls off what was never begun; says whether it was so.
pub async fn cancel(conn: &mut Conn, job_id: &str, now_ms: i64) -> Result<bool> {
    let done = sqlx::query!(
        "update jobs set state = 'cancelled', finished_at = ? where job_id = ? and state = 'queued'",
        now_ms,
        job_id
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes what reverses a job due now, if that waits.
pub async fn hasten_reversal(conn: &mut Conn, of: &str, number: i32, now_ms: i64) -> Result<()> {
    sqlx::query!("update jobs set due_at = ?, number = ? where reverses = ? and state = 'queued'", now_ms, number, of)
        .execute(conn)
        .await?;
    Ok(())
}

/// Keeps what a job found before it changed anything.
pub async fn note(conn: &mut Conn, job_id: &str, outcome: &[u8]) -> Result<()> {
    sqlx::query!("update jobs set outcome = ? where job_id = ?", outcome, job_id).execute(conn).await?;
    Ok(())
}
