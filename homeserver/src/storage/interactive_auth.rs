//! Sessions of user-interactive authentication.

use ruma::{DeviceId, OwnedDeviceId};

use super::{
    Conn,
    codec::{DeviceIdColumn, Text},
    numbers::UserNid,
};
use crate::{Error, Result};

/// An authentication under way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of `interactive_auth_sessions`")]
pub struct SessionRow {
    pub operation_hash: [u8; 32],
    pub user: Option<UserNid>,
    pub device_id: Option<OwnedDeviceId>,
    /// A JSON array of stages.
    pub completed: String,
    pub registration_token_hash: Option<[u8; 32]>,
    pub expires_at: i64,
}

/// Inserts a session.
pub async fn insert(conn: &mut Conn, hash: &[u8; 32], session: &SessionRow) -> Result<()> {
    sqlx::query!(
        "insert into interactive_auth_sessions (session_hash, operation_hash, user_nid, device_id, completed,
                                                registration_token_hash, expires_at)
         values (?, ?, ?, ?, ?, ?, ?)",
        hash.as_slice(),
        session.operation_hash.as_slice(),
        session.user,
        session.device_id.as_deref().map(DeviceId::as_str),
        session.completed,
        session.registration_token_hash.as_ref().map(<[u8; 32]>::as_slice),
        session.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes what a session is asked for.
pub async fn insert_purpose(conn: &mut Conn, hash: &[u8; 32], purpose: &str, expires_at: i64) -> Result<()> {
    sqlx::query!(
        "insert into interactive_auth_purposes (session_hash, purpose, expires_at) values (?, ?, ?)",
        hash.as_slice(),
        purpose,
        expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds what a session is asked for.
pub async fn find_purpose(conn: &mut Conn, hash: &[u8; 32]) -> Result<Option<String>> {
    let found = sqlx::query_scalar!(
        "select purpose as `purpose: Text` from interactive_auth_purposes where session_hash = ?",
        hash.as_slice()
    );
    Ok(found.fetch_optional(conn).await?.map(|purpose| purpose.0))
}

/// Finds a session, unless it has expired.
pub async fn find(conn: &mut Conn, hash: &[u8; 32], now_ms: i64) -> Result<Option<SessionRow>> {
    let row = sqlx::query!(
        "select operation_hash, user_nid, device_id as `device_id: DeviceIdColumn`, completed as `completed: Text`,
                registration_token_hash, expires_at
         from interactive_auth_sessions
         where session_hash = ? and expires_at > ?",
        hash.as_slice(),
        now_ms
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(SessionRow {
            operation_hash: hash_column(row.operation_hash)?,
            user: row.user_nid.map(UserNid),
            device_id: row.device_id.map(|device| device.0),
            completed: row.completed.0,
            registration_token_hash: row.registration_token_hash.map(hash_column).transpose()?,
            expires_at: row.expires_at,
        })
    })
    .transpose()
}

/// Notes which stages are completed.
pub async fn update(conn: &mut Conn, hash: &[u8; 32], session: &SessionRow) -> Result<()> {
    sqlx::query!(
        "update interactive_auth_sessions set completed = ?, registration_token_hash = ? where session_hash = ?",
        session.completed,
        session.registration_token_hash.as_ref().map(<[u8; 32]>::as_slice),
        hash.as_slice()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a session; returns whether it was still there.
pub async fn delete(conn: &mut Conn, hash: &[u8; 32]) -> Result<bool> {
    let done = sqlx::query!("delete from interactive_auth_sessions where session_hash = ?", hash.as_slice())
        .execute(&mut *conn)
        .await?;
    sqlx::query!("delete from interactive_auth_purposes where session_hash = ?", hash.as_slice()).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes sessions whose time is over; returns how many.
pub async fn delete_expired(conn: &mut Conn, now_ms: i64) -> Result<u64> {
    let sessions = sqlx::query!("delete from interactive_auth_sessions where expires_at < ? limit 1000", now_ms)
        .execute(&mut *conn)
        .await?;
    let purposes = sqlx::query!("delete from interactive_auth_purposes where expires_at < ? limit 1000", now_ms)
        .execute(conn)
        .await?;
    Ok(sessions.rows_affected() + purposes.rows_affected())
}

fn hash_column(column: Vec<u8>) -> Result<[u8; 32]> {
    column.try_into().map_err(|_| Error::internal("a hash has the wrong length"))
}
