//! Where the database is.

use std::path::PathBuf;

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

use crate::{
    Error, Result,
    config::{Config, Hidden},
};

/// Where the database is, and as whom to log in.
#[derive(Clone, Debug)]
pub enum Address {
    /// A server that the operator runs.
    Url(Hidden),
    /// The private MariaDB.
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
    /// The server that the operator chose, if any.
    pub fn of(config: &Config) -> Option<Self> {
        config.database.url.clone().map(Self::Url)
    }

    pub(super) fn options(&self) -> Result<MySqlConnectOptions> {
        match self {
            Self::Url(url) => url
                .expose()
                .parse()
                .map_err(|fault: sqlx::Error| Error::internal(format!("database.url cannot be used: {fault}"))),
            Self::Socket { path, user, database } => Ok(MySqlConnectOptions::new()
                .socket(path)
                .username(user)
                .database(database)
                .ssl_mode(MySqlSslMode::Disabled)),
        }
    }
}
