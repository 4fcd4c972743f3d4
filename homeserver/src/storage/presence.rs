//! What is remembered of presence.

use sqlx::Arguments;

use super::{Conn, bulk::Insert, codec::Text, numbers::UserNid};
use crate::Result;

/// What is remembered of one user's presence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of `presence`")]
pub struct PresenceRow {
    pub user: UserNid,
    pub is_hidden: bool,
    pub status_msg: Option<String>,
    pub last_active_at: i64,
}

/// Finds what is remembered of a user.
pub async fn find(conn: &mut Conn, user: UserNid) -> Result<Option<PresenceRow>> {
    let row = sqlx::query!(
        "select is_hidden as `is_hidden: bool`, status_msg as `status_msg: Text`, last_active_at
         from presence
         where user_nid = ?",
        user
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| PresenceRow {
        user,
        is_hidden: row.is_hidden,
        status_msg: row.status_msg.map(|text| text.0),
        last_active_at: row.last_active_at,
    }))
}

/// Stores what is to be remembered, each in the place of what was.
pub async fn save(conn: &mut Conn, rows: &[PresenceRow]) -> Result<()> {
    const PRESENCE: Insert = Insert {
        head: "insert into presence (user_nid, is_hidden, status_msg, last_active_at) values",
        columns: 4,
        tail: "on duplicate key update is_hidden = values(is_hidden), status_msg = values(status_msg), \
               last_active_at = values(last_active_at)",
    };
    PRESENCE
        .run(conn, rows, |row, to| {
            to.add(row.user)?;
            to.add(row.is_hidden)?;
            to.add(row.status_msg.as_deref().map(str::as_bytes))?;
            to.add(row.last_active_at)
        })
        .await?;
    Ok(())
}
