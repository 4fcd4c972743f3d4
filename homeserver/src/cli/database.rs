//! The database as the program finds it: the operator's, or a private one that this process runs or
//! that another one does.

use std::{path::PathBuf, time::Duration};

use tracing::info;

use crate::{
    App, Error, Result,
    config::Config,
    storage::{
        Address, Storage,
        private::{Claim, PrivateDatabase},
    },
};

/// Where the private database lives in the data directory.
const DIRECTORY: &str = "mariadb";
/// How long to wait before the database is tried again, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// A database that may still be away.
#[derive(Debug)]
pub(super) struct Database {
    /// Its connections.
    pub(super) storage: Storage,
    private: Option<PrivateDatabase>,
}

impl Database {
    /// The database of a server, which runs its private one itself.
    pub(super) async fn for_server(config: &Config) -> Result<Self> {
        match config.database.url.clone().map(Address::Url) {
            Some(address) => Self::new(config, &address, None),
            None => {
                let private = PrivateDatabase::start(&directory(config)).await?;
                Self::new(config, &private.address().clone(), Some(private))
            }
        }
    }

    /// The database of a command, which uses the private one of a running server, or starts it for
    /// as long as the command runs.
    pub(super) fn for_command(config: &Config) -> Result<Self> {
        match config.database.url.clone().map(Address::Url) {
            Some(address) => Self::new(config, &address, None),
            None => match PrivateDatabase::claim(&directory(config))? {
                Claim::Ours(private) => Self::new(config, &private.address().clone(), Some(private)),
                Claim::Theirs(address) => Self::new(config, &address, None),
            },
        }
    }

    fn new(config: &Config, address: &Address, private: Option<PrivateDatabase>) -> Result<Self> {
        Ok(Self { storage: Storage::open(address, config.database.connections)?, private })
    }

    /// Closes the connections and ends a private database that this process runs.
    pub(super) async fn close(self) {
        self.storage.close().await;
        if let Some(private) = self.private {
            private.stop().await;
        }
    }
}

/// Starts the services as soon as the database can be reached, however long that takes.
pub(super) async fn start(start: impl AsyncFn() -> Result<App>) -> Result<App> {
    let (mut delay, longest) = RETRY;
    let mut told = String::new();
    loop {
        match start().await {
            Err(Error::Unavailable(what, cause)) => {
                let cause = format!("{cause:#}");
                if cause != told {
                    info!(cause, "{what} is not there yet");
                }
                told = cause;
                tokio::time::sleep(delay).await;
                delay = (delay * 2).min(longest);
            }
            outcome => return outcome,
        }
    }
}

fn directory(config: &Config) -> PathBuf {
    config.server.data_directory.join(DIRECTORY)
}
