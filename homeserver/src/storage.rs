//! Speaks SQL: the only code that knows sqlx. Functions are free functions, the connection first;
//! whoever calls them owns the transaction.

pub mod access_rules;
pub mod account_data;
pub mod account_marks;
pub mod accounts;
pub mod app_passwords;
pub mod approvals;
pub mod appservices;
pub mod audit;
pub mod auth_graph;
pub mod blocked_rooms;
pub mod browser_sessions;
pub mod bulk;
pub mod device_lists;
pub mod devices;
pub mod directory;
pub mod emails;
pub mod errands;
pub mod events;
pub mod factors;
pub mod fault;
pub mod filters;
pub mod identities;
pub mod interactive_auth;
pub mod interner;
pub mod key_backups;
pub mod keys;
pub mod log;
pub mod log_readers;
pub mod mail;
pub mod media;
pub mod migrations;
pub mod nids;
pub mod numbers;
pub mod oauth;
pub mod overview;
pub mod people;
pub mod personal_tokens;
pub mod presence;
pub mod private;
pub mod profiles;
pub mod purges;
pub mod pushers;
pub mod receipts;
pub mod registration_tokens;
pub mod relations;
pub mod reports;
pub mod rooms;
pub mod sealed;
pub mod search;
pub mod server_notices;
pub mod session_origins;
pub mod settings;
pub mod sightings;
pub mod snapshots;
pub mod streams;
pub mod terms;
pub mod to_device;
pub mod together;
pub mod tokens;
pub mod unread;

use std::{future::Future, sync::Arc, time::Duration};

use foundation::database::Database;
pub use foundation::database::{Address, Conn, PooledConn, Tx, codec};

use crate::{Error, Result};

/// How long connections may take to be given back when the server stops.
const CLOSING: Duration = Duration::from_secs(5);

/// The database: a pool of connections, the number allocator and the interned identifiers.
#[derive(Clone, Debug)]
pub struct Storage {
    database: Database<Error>,
    inner: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    nids: nids::Nids,
    interner: interner::Interner,
    key_supplies: keys::supply::KeySupplies,
}

impl Storage {
    /// Prepares a pool of at most `connections`; connects when first used.
    pub fn open(address: &Address, connections: u32) -> Result<Self> {
        Ok(Self { database: Database::open(address, connections)?, inner: Arc::default() })
    }

    /// A connection for reading, or for single statements that commit by themselves.
    pub async fn conn(&self) -> Result<PooledConn> {
        self.database.conn().await
    }

    /// Begins a transaction. Wrap the whole of it in [`Self::retry`] where rows may be contended.
    pub async fn begin(&self) -> Result<Tx> {
        self.database.begin().await
    }

    /// Runs `work`, which begins and commits a transaction, again when it meets a deadlock, the
    /// commit included. `work` must have no effects outside the transaction.
    pub async fn retry<T, Fut>(&self, work: impl Fn() -> Fut) -> Result<T>
    where
        Fut: Future<Output = Result<T>>,
    {
        self.database.retry(work).await
    }

    /// The allocator of numbers for new rows.
    pub fn nids(&self) -> &nids::Nids {
        &self.inner.nids
    }

    /// The numbers of identifiers.
    pub fn interner(&self) -> &interner::Interner {
        &self.inner.interner
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.database.ping().await
    }

    /// How many connections there are, and how many of them nobody uses.
    pub fn connections(&self) -> (usize, usize) {
        self.database.connections()
    }

    /// How many one-time keys devices have left.
    fn key_supplies(&self) -> &keys::supply::KeySupplies {
        &self.inner.key_supplies
    }

    /// Closes all connections, and does not wait for ever for those in use.
    pub async fn close(&self) {
        self.database.close(CLOSING).await;
    }
}
