//! What the database's errors mean: away, contended, taken, missing, or our fault.

use sqlx::{migrate::MigrateError, mysql::MySqlDatabaseError};

/// Deadlock, lock wait timeout, record changed (snapshot), certification conflict.
const DEADLOCKS: [u16; 4] = [1213, 1205, 1020, 1180];
/// Duplicate key.
const DUPLICATE: u16 = 1062;
/// No such database.
const NO_SUCH_DATABASE: u16 = 1049;
/// No such table.
const NO_SUCH_TABLE: u16 = 1146;
/// Too many connections, shutdown in progress, node not ready, and their like.
const AWAY: [u16; 5] = [1040, 1053, 1047, 1077, 1927];

/// An error of a program, which may have come from the database.
pub trait Failure: From<sqlx::Error> {
    /// What the database reported, unless it was away.
    fn of_database(&self) -> Option<&sqlx::Error>;
}

/// Whether the database is not there for the moment.
pub fn is_away(fault: &sqlx::Error) -> bool {
    match cause(fault) {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => true,
        fault => number(fault).is_some_and(|number| AWAY.contains(&number)),
    }
}

/// Whether the whole transaction should be tried again.
pub fn is_deadlock(error: &impl Failure) -> bool {
    number_of(error).is_some_and(|number| DEADLOCKS.contains(&number))
}

/// Whether a row with the same key exists already.
pub fn is_duplicate(error: &impl Failure) -> bool {
    number_of(error) == Some(DUPLICATE)
}

/// Whether the database has not been made.
pub fn is_no_such_database(error: &impl Failure) -> bool {
    number_of(error) == Some(NO_SUCH_DATABASE)
}

/// Whether a table is missing.
pub fn is_no_such_table(error: &impl Failure) -> bool {
    number_of(error) == Some(NO_SUCH_TABLE)
}

/// What went wrong within a migration, or the fault itself.
fn cause(fault: &sqlx::Error) -> &sqlx::Error {
    let sqlx::Error::Migrate(migration) = fault else { return fault };
    match &**migration {
        MigrateError::Execute(fault) | MigrateError::ExecuteMigration(fault, _) => fault,
        _ => fault,
    }
}

fn number(fault: &sqlx::Error) -> Option<u16> {
    Some(fault.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?.number())
}

fn number_of(error: &impl Failure) -> Option<u16> {
    number(cause(error.of_database()?))
}
