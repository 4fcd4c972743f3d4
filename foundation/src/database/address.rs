//! Where a database is.

use std::path::PathBuf;

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

use crate::config::Hidden;

/// Where a database is, and as whom to log in.
#[derive(Clone, Debug)]
pub enum Address {
    /// A server that the operator runs.
    Url(Hidden),
    /// A private MariaDB.
    Socket {
        /// Its Unix socket.
        path: PathBuf,
        /// The user of the operating system; MariaDB knows it by the socket's other end.
        user: String,
        /// The database.
        database: String,
    },
}

impl Address {
    /// The same for sqlx.
    pub fn options(&self) -> Result<MySqlConnectOptions, sqlx::Error> {
        match self {
            Self::Url(url) => url.expose().parse().map_err(|fault: sqlx::Error| {
                sqlx::Error::Configuration(format!("database.url cannot be used: {fault}").into())
            }),
            Self::Socket { path, user, database } => Ok(MySqlConnectOptions::new()
                .socket(path)
                .username(user)
                .database(database)
                .ssl_mode(MySqlSslMode::Disabled)),
        }
    }
}
