//! What the database's errors mean for those who asked.

pub use foundation::database::fault::{is_no_such_database, is_no_such_table};
use foundation::database::{Failure, fault};

use crate::Error;

impl From<sqlx::Error> for Error {
    fn from(fault: sqlx::Error) -> Self {
        if fault::is_away(&fault) {
            Self::Unavailable("The database", fault.into())
        } else {
            Self::Internal(anyhow::Error::new(fault).context("database"))
        }
    }
}

impl Failure for Error {
    fn of_database(&self) -> Option<&sqlx::Error> {
        let Self::Internal(fault) = self else { return None };
        fault.downcast_ref()
    }
}
