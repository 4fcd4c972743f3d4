//! Sessions of people who are signed in to the server's own pages.

use super::{Conn, numbers::UserNid, tokens::TokenHash};
use crate::{Error, Result};

/// How far a sign-in has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The password is proved, the second factor is not.
    Password = 0,
    /// Everything is proved.
    SignedIn = 1,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of `browser_sessions`")]
pub struct BrowserSessionRow {
    pub user: UserNid,
    pub stage: Stage,
    pub failures: i32,
    pub has_vouched_factor: bool,
    pub proved_at: i64,
    /// Encrypted.
    pub agent: Option<Vec<u8>>,
    pub created_at: i64,
    pub expires_at: i64,
}

/// Inserts a session.
pub async fn insert(conn: &mut Conn, hash: &TokenHash, session: &BrowserSessionRow) -> Result<()> {
    sqlx::query!(
        "insert into browser_sessions (session_hash, user_nid, stage, failures, has_vouched_factor, proved_at, agent,
                                       created_at, expires_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        hash.as_slice(),
        session.user,
        session.stage as i8,
        session.failures,
        session.has_vouched_factor,
        session.proved_at,
        session.agent,
        session.created_at,
        session.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds a session, unless it has expired.
pub async fn find(conn: &mut Conn, hash: &TokenHash, now_ms: i64) -> Result<Option<BrowserSessionRow>> {
    let row = sqlx::query!(
        "select user_nid, stage, failures, has_vouched_factor as `has_vouched_factor: bool`, proved_at, agent, created_at,
                expires_at
         from browser_sessions
         where session_hash = ? and expires_at > ?",
        hash.as_slice(),
        now_ms
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| BrowserSessionRow {
        user: UserNid(row.user_nid),
        stage: if row.stage == 0 { Stage::Password } else { Stage::SignedIn },
        failures: row.failures,
        has_vouched_factor: row.has_vouched_factor,
        proved_at: row.proved_at,
        agent: row.agent,
        created_at: row.created_at,
        expires_at: row.expires_at,
    }))
}

/// Counts a wrong code; returns whether there were fewer than `most` before it.
pub async fn count_failure(conn: &mut Conn, hash: &TokenHash, most: i32) -> Result<bool> {
    let done = sqlx::query!(
        "update browser_sessions set failures = failures + 1 where session_hash = ? and failures < ?",
        hash.as_slice(),
        most
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lengthens a session that is being used.
pub async fn update_expiry(conn: &mut Conn, hash: &TokenHash, expires_at: i64) -> Result<()> {
    sqlx::query!("update browser_sessions set expires_at = ? where session_hash = ?", expires_at, hash.as_slice())
        .execute(conn)
        .await?;
    Ok(())
}

/// Lists the sessions of a user that are signed in, the oldest first, with their hashes.
pub async fn list(conn: &mut Conn, user: UserNid, now_ms: i64) -> Result<Vec<(TokenHash, BrowserSessionRow)>> {
    let rows = sqlx::query!(
        "select session_hash, failures, has_vouched_factor as `has_vouched_factor: bool`, proved_at, agent, created_at,
                expires_at
         from browser_sessions
         where user_nid = ? and stage = 1 and expires_at > ?
         order by created_at, session_hash",
        user,
        now_ms
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let hash = row.session_hash.try_into().map_err(|_| Error::internal("a hash has the wrong length"))?;
            let session = BrowserSessionRow {
                user,
                stage: Stage::SignedIn,
                failures: row.failures,
                has_vouched_factor: row.has_vouched_factor,
                proved_at: row.proved_at,
                agent: row.agent,
                created_at: row.created_at,
                expires_at: row.expires_at,
            };
            Ok((hash, session))
        })
        .collect()
}

/// Deletes a session; returns whether it was still there.
pub async fn delete(conn: &mut Conn, hash: &TokenHash) -> Result<bool> {
    let done =
        sqlx::query!("delete from browser_sessions where session_hash = ?", hash.as_slice()).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes the sessions of a user, but for the one that is `kept`.
pub async fn delete_of_user(conn: &mut Conn, user: UserNid, kept: Option<&TokenHash>) -> Result<()> {
    let kept = kept.map_or(&[][..], <[u8; 32]>::as_slice);
    sqlx::query!("delete from browser_sessions where user_nid = ? and session_hash <> ?", user, kept)
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes sessions whose time is over; returns how many.
pub async fn delete_expired(conn: &mut Conn, now_ms: i64) -> Result<u64> {
    let done =
        sqlx::query!("delete from browser_sessions where expires_at < ? limit 1000", now_ms).execute(conn).await?;
    Ok(done.rows_affected())
}
