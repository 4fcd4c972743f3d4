//! Transactions that were taken over, and events that wait to be looked at.

use super::Conn;
use crate::Result;

/// An event that waits.
#[derive(Debug)]
pub struct Waiting {
    /// Where it stands in the inbox.
    pub position: i64,
    /// Its JSON.
    pub event: Vec<u8>,
}

/// Notes a transaction; says whether it is new.
pub async fn insert_transaction(conn: &mut Conn, transaction_id: &str, now_ms: i64) -> Result<bool> {
    let done = sqlx::query!(
        "insert ignore into transactions (transaction_id, received_at) values (?, ?)",
        transaction_id,
        now_ms
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets transactions from before `received_before`.
pub async fn delete_transactions(conn: &mut Conn, received_before: i64) -> Result<()> {
    sqlx::query!("delete from transactions where received_at < ?", received_before).execute(conn).await?;
    Ok(())
}

/// The last position that is taken, locked until the end of the transaction.
pub async fn last(conn: &mut Conn) -> Result<i64> {
    let last = sqlx::query_scalar!("select position from inbox order by position desc limit 1 for update")
        .fetch_optional(conn)
        .await?;
    Ok(last.unwrap_or_default())
}

/// Puts an event into the inbox.
pub async fn insert(conn: &mut Conn, position: i64, event: &[u8], now_ms: i64) -> Result<()> {
    sqlx::query!("insert into inbox (position, event, received_at) values (?, ?, ?)", position, event, now_ms)
        .execute(conn)
        .await?;
    Ok(())
}

/// The first events that wait.
pub async fn list(conn: &mut Conn, limit: u32) -> Result<Vec<Waiting>> {
    let waiting = sqlx::query_as!(Waiting, "select position, event from inbox order by position limit ?", limit)
        .fetch_all(conn)
        .await?;
    Ok(waiting)
}

/// Takes an event out.
pub async fn delete(conn: &mut Conn, position: i64) -> Result<()> {
    sqlx::query!("delete from inbox where position = ?", position).execute(conn).await?;
    Ok(())
}
