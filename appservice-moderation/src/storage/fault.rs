//! What the database's errors mean: away, contended, taken, or our fault.

use sqlx::mysql::MySqlDatabaseError;

use crate::Error;

/// Deadlock, lock wait timeout, record changed (snapshot), certification conflict.
const DEADLOCKS: [u16; 4] = [1213, 1205, 1020, 1180];
/// No such database.
const NO_SUCH_DATABASE: u16 = 1049;
/// No such table.
const NO_SUCH_TABLE: u16 = 1146;
/// Too many connections, shutdown in progress, node not ready, and their like.
const AWAY: [u16; 5] = [1040, 1053, 1047, 1077, 1927];

impl From<sqlx::Error> for Error {
    fn from(fault: sqlx::Error) -> Self {
        let is_away = match &fault {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed => true,
            sqlx::Error::Database(_) => number(&fault).is_some_and(|number| AWAY.contains(&number)),
            _ => false,
        };
        if is_away {
            Self::Unavailable("The database", fault.into())
        } else {
            Self::Internal(anyhow::Error::new(fault).context("database"))
        }
    }
}

fn number(fault: &sqlx::Error) -> Option<u16> {
    let database = fault.as_database_error()?;
    Some(database.try_downcast_ref::<MySqlDatabaseError>()?.number())
}

fn number_of(error: &Error) -> Option<u16> {
    let Error::Internal(fault) = error else { return None };
    number(fault.downcast_ref::<sqlx::Error>()?)
}

/// Whether the whole transaction should be tried again.
pub fn is_deadlock(error: &Error) -> bool {
    number_of(error).is_some_and(|number| DEADLOCKS.contains(&number))
}

/// Whether the database has not been made.
pub fn is_no_such_database(error: &Error) -> bool {
    number_of(error) == Some(NO_SUCH_DATABASE)
}

/// Whether a table is missing.
pub fn is_no_such_table(error: &Error) -> bool {
    number_of(error) == Some(NO_SUCH_TABLE)
}
