//! Brings the schema up to date, one process at a time.

use std::time::Duration;

use foundation::database::migrations::apply;
use sqlx::migrate::Migrator;
use tracing::info;

use super::{Conn, Storage, fault};
use crate::{Error, Result, secrets};

const LEASE: &str = "migrations";
/// A process that dies leaves its lease behind: so long do the others wait.
const LEASE_MS: i64 = 30_000;
const RENEWAL: Duration = Duration::from_secs(8);

/// Applies the migrations that are missing. Processes that start together take turns, by a lease
/// row, because the lock that sqlx takes does not hold on MariaDB.
pub async fn run(storage: &Storage) -> Result<()> {
    let migrator = sqlx::migrate!("../migrations");
    let mut conn = storage.conn().await?;
    if is_current(&mut conn, &migrator).await? {
        return Ok(());
    }
    let owner = secrets::identifier(32);
    take_turn(&mut conn, &owner).await?;
    let outcome = tokio::select! {
        outcome = apply(&mut conn, migrator) => outcome,
        fault = renew(storage, &owner) => Err(fault),
    };
    sqlx::query!("delete from leases where name = ? and owner = ?", LEASE, owner).execute(&mut *conn).await?;
    outcome
}

/// Whether exactly these migrations have been applied.
async fn is_current(conn: &mut Conn, migrator: &Migrator) -> Result<bool> {
    let applied: Result<Vec<(i64, Vec<u8>, bool)>, _> =
        sqlx::query_as("select version, checksum, success from _sqlx_migrations order by version")
            .fetch_all(conn)
            .await;
    let applied = match applied.map_err(Error::from) {
        Err(error) if fault::is_no_such_table(&error) => return Ok(false),
        applied => applied?,
    };
    let known = migrator.iter().map(|migration| (migration.version, &*migration.checksum, true));
    Ok(applied.iter().map(|(version, checksum, success)| (*version, checksum.as_slice(), *success)).eq(known))
}

/// Waits until this process holds the lease.
async fn take_turn(conn: &mut Conn, owner: &str) -> Result<()> {
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
    let mut has_told = false;
    while !acquire(conn, owner).await? {
        if !has_told {
            info!("Another process is bringing the database up to date, or died doing so");
            has_told = true;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

async fn acquire(conn: &mut Conn, owner: &str) -> Result<bool> {
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

/// Keeps the lease for as long as this is awaited; ends when that fails.
async fn renew(storage: &Storage, owner: &str) -> Error {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let renewed = async {
            sqlx::query!(
                "update leases set expires_at = cast(unix_timestamp(now(3)) * 1000 as signed) + ?
                 where name = ? and owner = ?",
                LEASE_MS,
                LEASE,
                owner
            )
            .execute(&mut *storage.conn().await?)
            .await?;
            Ok(())
        };
        if let Err(error) = renewed.await {
            return error;
        }
    }
}
