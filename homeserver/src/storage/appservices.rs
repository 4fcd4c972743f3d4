//! What application services are still to be told.

use super::{Conn, codec::Text, numbers::Position};
use crate::Result;

/// A transaction that was not taken yet.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of `appservice_transactions`")]
pub struct StoredTransaction {
    pub number: i64,
    pub content: String,
}

/// Inserts the queue of an application service that was not here before: it begins after `position`,
/// with the transaction `next_txn`.
pub async fn insert_queue(conn: &mut Conn, id: &str, position: Position, next_txn: i64) -> Result<()> {
    sqlx::query!(
        "insert ignore into appservice_queues (appservice_id, position, next_txn) values (?, ?, ?)",
        id,
        position,
        next_txn
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes `owner` the process that tells an application service, for `lease_ms` from now on; tells
/// whether no other is.
pub async fn claim(conn: &mut Conn, id: &str, owner: &str, lease_ms: i64) -> Result<bool> {
    let done = sqlx::query!(
        "update appservice_queues
         set owner = ?, owned_until = cast(unix_timestamp(now(3)) * 1000 as signed) + ?
         where appservice_id = ?
           and (owner is null or owner = ? or owned_until < cast(unix_timestamp(now(3)) * 1000 as signed))",
        owner,
        lease_ms,
        id,
        owner
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets another process tell an application service.
pub async fn release(conn: &mut Conn, id: &str, owner: &str) -> Result<()> {
    sqlx::query!(
        "update appservice_queues set owner = null, owned_until = 0 where appservice_id = ? and owner = ?",
        id,
        owner
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds up to where an application service's queue is filled.
pub async fn position(conn: &mut Conn, id: &str) -> Result<Position> {
    let found = sqlx::query_scalar!("select position from appservice_queues where appservice_id = ?", id);
    Ok(Position(found.fetch_one(conn).await?))
}

/// Moves a queue on that `owner` fills from `from` to `to`; tells whether it was still there.
pub async fn advance(conn: &mut Conn, id: &str, owner: &str, from: Position, to: Position) -> Result<bool> {
    let done = sqlx::query!(
        "update appservice_queues set position = ? where appservice_id = ? and owner = ? and position = ?",
        to,
        id,
        owner,
        from
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Inserts the next transaction.
pub async fn insert_transaction(conn: &mut Conn, id: &str, content: &str, now_ms: i64) -> Result<()> {
    sqlx::query!(
        "insert into appservice_transactions (appservice_id, txn_no, content, created_at)
         select appservice_id, next_txn, ?, ? from appservice_queues where appservice_id = ?",
        content,
        now_ms,
        id
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("update appservice_queues set next_txn = next_txn + 1 where appservice_id = ?", id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Finds the first transaction that was not taken yet.
pub async fn first_transaction(conn: &mut Conn, id: &str) -> Result<Option<StoredTransaction>> {
    let row = sqlx::query!(
        "select txn_no, content as `content: Text` from appservice_transactions
         where appservice_id = ?
         order by txn_no
         limit 1",
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| StoredTransaction { number: row.txn_no, content: row.content.0 }))
}

/// Counts the transactions that were not taken yet.
pub async fn count_transactions(conn: &mut Conn, id: &str) -> Result<i64> {
    let count = sqlx::query_scalar!("select count(*) from appservice_transactions where appservice_id = ?", id);
    Ok(count.fetch_one(conn).await?)
}

/// Deletes a transaction that was taken.
pub async fn delete_transaction(conn: &mut Conn, id: &str, number: i64) -> Result<()> {
    sqlx::query!("delete from appservice_transactions where appservice_id = ? and txn_no = ?", id, number)
        .execute(conn)
        .await?;
    Ok(())
}
