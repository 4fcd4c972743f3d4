//! Brings the schema up to date, one process at a time.

use std::time::Duration;

use super::{Conn, Storage};
use crate::{Error, Result, secrets};

const LEASE: &str = "migrations";
const LEASE_MS: i64 = 600_000;

/// Applies the migrations that are missing. Processes that start together take turns, by a lease
/// row, because the lock that sqlx takes does not hold on MariaDB.
pub async fn run(storage: &Storage) -> Result<()> {
    let mut conn = storage.conn().await?;
    let owner = secrets::identifier(32);
    while !acquire(&mut conn, &owner).await? {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut migrator = sqlx::migrate!("../migrations");
    let outcome = migrator.set_locking(false).run_direct(None, &mut *conn, false).await;
    sqlx::query!("delete from leases where name = ? and owner = ?", LEASE, owner).execute(&mut *conn).await?;
    outcome.map_err(|fault| Error::Internal(anyhow::Error::new(fault).context("migrating the database")))
}

async fn acquire(conn: &mut Conn, owner: &str) -> Result<bool> {
    // The first migration makes this table too; it is needed before.
    sqlx::raw_sql(
        "create table if not exists leases (
            name varbinary(128) not null,
            owner varbinary(64) not null,
            epoch bigint not null,
            expires_at bigint not null,
            primary key (name)
        )",
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "delete from leases where name = ? and expires_at < cast(unix_timestamp(now(3)) * 1000 as signed)",
        LEASE
    )
    .execute(&mut *conn)
    .await?;
    let done = sqlx::query!(
        "insert ignore into leases (name, owner, epoch, expires_at)
         values (?, ?, 1, cast(unix_timestamp(now(3)) * 1000 as signed) + ?)",
        LEASE,
        owner,
        LEASE_MS
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
