//! Proposals: what waits for a confirmation.

use ruma::{OwnedRoomId, OwnedUserId};

use super::{
    Conn,
    codec::{RoomIdColumn, Text, UserIdColumn},
};
use crate::Result;

/// A proposal.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Its ID, which follows from the message that asked for it.
    pub proposal_id: String,
    /// The room in which it was asked for.
    pub room_id: OwnedRoomId,
    /// Who asked for it.
    pub asked_by: OwnedUserId,
    /// The plan, as JSON.
    pub plan: Vec<u8>,
    /// Until when it can be confirmed.
    pub expires_at: i64,
}

struct Row {
    proposal_id: Text,
    room_id: RoomIdColumn,
    asked_by: UserIdColumn,
    plan: Vec<u8>,
    expires_at: i64,
}

impl From<Row> for Proposal {
    fn from(row: Row) -> Self {
        Self {
            proposal_id: row.proposal_id.0,
            room_id: row.room_id.0,
            asked_by: row.asked_by.0,
            plan: row.plan,
            expires_at: row.expires_at,
        }
    }
}

/// Writes a proposal down, unless it is there.
pub async fn insert(conn: &mut Conn, proposal: &Proposal, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert ignore into proposals (proposal_id, room_id, asked_by, plan, state, created_at, expires_at)
         values (?, ?, ?, ?, 'open', ?, ?)",
        proposal.proposal_id,
        proposal.room_id.as_str(),
        proposal.asked_by.as_str(),
        proposal.plan,
        now_ms,
        proposal.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes the message in which people see a proposal.
pub async fn show(conn: &mut Conn, proposal_id: &str, event_id: &str) -> Result<()> {
    sqlx::query!("update proposals set event_id = ? where proposal_id = ?", event_id, proposal_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// The open proposal that people see in a message.
pub async fn find_by_event(conn: &mut Conn, event_id: &str) -> Result<Option<Proposal>> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select
            proposal_id as "proposal_id: Text", room_id as "room_id: RoomIdColumn",
            asked_by as "asked_by: UserIdColumn", plan, expires_at
        from proposals
        where event_id = ? and state = 'open'
        "#,
        event_id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Proposal::from))
}

/// Closes a proposal: it was confirmed, or taken back; says whether it was open. Its plan is forgotten: what was
/// done stands in the case.
pub async fn close(conn: &mut Conn, proposal_id: &str, state: &str) -> Result<bool> {
    let done = sqlx::query!(
        "update proposals set state = ?, plan = '' where proposal_id = ? and state = 'open'",
        state,
        proposal_id
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets those that ended before `before`.
pub async fn delete_expired(conn: &mut Conn, before: i64) -> Result<()> {
    sqlx::query!("delete from proposals where expires_at < ?", before).execute(conn).await?;
    Ok(())
}
