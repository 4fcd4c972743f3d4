//! What accounts wait for administrators to allow.

use ruma::{OwnedUserId, UserId};

use super::{
    Conn,
    codec::{Text, UserIdColumn},
    numbers::UserNid,
};
use crate::Result;

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing yet.
    Waiting = 0,
    /// It is allowed.
    Approved = 1,
    /// It is not.
    Denied = 2,
}

impl State {
    fn from_column(column: i8) -> Self {
        match column {
            0 => Self::Waiting,
            1 => Self::Approved,
            _ => Self::Denied,
        }
    }
}

/// An entry of the queue.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `access_approvals`")]
pub struct Approval {
    pub user: UserNid,
    pub user_id: OwnedUserId,
    pub scope: String,
    pub state: State,
    pub rule_id: String,
    pub created_at: i64,
    pub decided_at: Option<i64>,
    pub decided_by: Option<String>,
    pub reason: Option<String>,
}

/// Finds what was decided about a user.
pub async fn find(conn: &mut Conn, user: UserNid, scope: &str) -> Result<Option<State>> {
    let found = sqlx::query_scalar!("select state from access_approvals where user_nid = ? and scope = ?", user, scope);
    Ok(found.fetch_optional(conn).await?.map(State::from_column))
}

/// Puts a user into the queue, unless they are there.
pub async fn insert(conn: &mut Conn, user: UserNid, scope: &str, rule_id: &str, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert ignore into access_approvals (user_nid, scope, state, rule_id, created_at) values (?, ?, 0, ?, ?)",
        user,
        scope,
        rule_id,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes a decision.
pub async fn decide(
    conn: &mut Conn,
    user: UserNid,
    scope: &str,
    state: State,
    by: &UserId,
    reason: Option<&str>,
    now_ms: i64,
) -> Result<()> {
    sqlx::query!(
        "update access_approvals
         set state = ?, decided_at = ?, decided_by = ?, reason = ?
         where user_nid = ? and scope = ?",
        state as i8,
        now_ms,
        by.as_str(),
        reason,
        user,
        scope
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists at most `limit` entries in `state`, the oldest first, after the one of a time and a user.
pub async fn list(conn: &mut Conn, state: State, after: (i64, UserNid), limit: u32) -> Result<Vec<Approval>> {
    let (at, user) = after;
    let rows = sqlx::query!(
        "select access_approvals.user_nid, user_id as `user_id: UserIdColumn`, scope as `scope: Text`, state,
                rule_id as `rule_id: Text`, created_at, decided_at, decided_by as `decided_by: Text`,
                reason as `reason: Text`
         from access_approvals
         join users on users.user_nid = access_approvals.user_nid
         where state = ? and (created_at > ? or (created_at = ? and access_approvals.user_nid > ?))
         order by created_at, access_approvals.user_nid
         limit ?",
        state as i8,
        at,
        at,
        user,
        limit
    )
    .fetch_all(conn)
    .await?;
    let entries = rows.into_iter().map(|row| Approval {
        user: UserNid(row.user_nid),
        user_id: row.user_id.0,
        scope: row.scope.0,
        state: State::from_column(row.state),
        rule_id: row.rule_id.0,
        created_at: row.created_at,
        decided_at: row.decided_at,
        decided_by: row.decided_by.map(|by| by.0),
        reason: row.reason.map(|reason| reason.0),
    });
    Ok(entries.collect())
}
