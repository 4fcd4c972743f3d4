//! Messages that wait until they are sent.

use super::{Conn, codec::Text};
use crate::Result;

/// A message that waits.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `outgoing_mail`")]
pub struct MailRow {
    pub id: String,
    /// Encrypted.
    pub message: Vec<u8>,
    pub attempts: i32,
    pub next_try_at: i64,
    pub created_at: i64,
}

/// Inserts a message that is to be sent at once.
pub async fn insert(conn: &mut Conn, id: &str, message: &[u8], now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert into outgoing_mail (mail_id, message, attempts, next_try_at, created_at) values (?, ?, 0, ?, ?)",
        id,
        message,
        now_ms,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists messages that are due, those that have waited longest first.
pub async fn list_due(conn: &mut Conn, now_ms: i64, limit: u32) -> Result<Vec<MailRow>> {
    let rows = sqlx::query!(
        "select mail_id as `mail_id: Text`, message, attempts, next_try_at, created_at
         from outgoing_mail
         where next_try_at <= ?
         order by next_try_at
         limit ?",
        now_ms,
        limit
    )
    .fetch_all(conn)
    .await?;
    let row = rows.into_iter().map(|row| MailRow {
        id: row.mail_id.0,
        message: row.message,
        attempts: row.attempts,
        next_try_at: row.next_try_at,
        created_at: row.created_at,
    });
    Ok(row.collect())
}

/// Takes a message to send it, until `until`; returns whether nobody else has.
pub async fn claim(conn: &mut Conn, row: &MailRow, until: i64) -> Result<bool> {
    let done = sqlx::query!(
        "update outgoing_mail
         set attempts = attempts + 1, next_try_at = ?
         where mail_id = ? and next_try_at = ? and attempts = ?",
        until,
        row.id,
        row.next_try_at,
        row.attempts
    );
    Ok(done.execute(conn).await?.rows_affected() == 1)
}

/// Puts a message off.
pub async fn delay(conn: &mut Conn, id: &str, next_try_at: i64) -> Result<()> {
    sqlx::query!("update outgoing_mail set next_try_at = ? where mail_id = ?", next_try_at, id).execute(conn).await?;
    Ok(())
}

/// Deletes a message.
pub async fn delete(conn: &mut Conn, id: &str) -> Result<()> {
    sqlx::query!("delete from outgoing_mail where mail_id = ?", id).execute(conn).await?;
    Ok(())
}
