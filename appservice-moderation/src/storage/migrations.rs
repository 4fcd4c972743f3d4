//! Brings the schema up to date. MySQL commits each statement that changes the schema by itself, so a
//! migration can be cut in two; therefore all of them can be repeated, and an unfinished one is.

use sqlx::migrate::MigrateError;

use super::{Storage, fault};
use crate::{Error, Result};

/// Applies the migrations that are missing. Only one process does this at a time: the one that has the
/// listener.
pub async fn run(storage: &Storage) -> Result<()> {
    let mut migrator = sqlx::migrate!("./migrations");
    // The lock that sqlx takes does not hold on MariaDB.
    migrator.set_locking(false);
    let mut conn = storage.conn().await?;
    let unfinished = sqlx::query("delete from _sqlx_migrations where success = false").execute(&mut *conn).await;
    match unfinished.map_err(Error::from) {
        Err(error) if !fault::is_no_such_table(&error) => return Err(error),
        _ => {}
    }
    migrator.run_direct(None, &mut *conn, false).await.map_err(|fault| match fault {
        MigrateError::Execute(fault) | MigrateError::ExecuteMigration(fault, _) => Error::from(fault),
        fault => Error::Internal(anyhow::Error::new(fault).context("migrating the database")),
    })
}
