//! Applies migrations. MySQL commits each statement that changes the schema by itself, so a migration
//! can be cut in two; therefore all of them are written so that they can be repeated, and an unfinished
//! one is.

use sqlx::migrate::Migrator;

use super::{Conn, Failure, fault};

/// Applies the migrations that are missing. Only one process may do this at a time: the lock that sqlx
/// would take does not hold on MariaDB.
pub async fn apply<E: Failure>(conn: &mut Conn, mut migrator: Migrator) -> Result<(), E> {
    migrator.set_locking(false);
    let unfinished = sqlx::query("delete from _sqlx_migrations where success = false").execute(&mut *conn).await;
    match unfinished.map_err(E::from) {
        Err(error) if !fault::is_no_such_table(&error) => return Err(error),
        _ => {}
    }
    Ok(migrator.run_direct(None, conn, false).await.map_err(sqlx::Error::from)?)
}
