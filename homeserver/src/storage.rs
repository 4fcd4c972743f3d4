//! Speaks SQL: the only code that knows sqlx. Functions are free functions, the connection first;
//! whoever calls them owns the transaction.

pub mod access_rules;
pub mod account_data;
pub mod account_marks;
pub mod accounts;
pub mod address;
pub mod app_passwords;
pub mod approvals;
pub mod appservices;
pub mod audit;
pub mod auth_graph;
pub mod blocked_rooms;
pub mod browser_sessions;
pub mod bulk;
pub mod codec;
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
pub mod notice_rooms;
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

use rand::Rng;
use sqlx::{Connection, MySql, Pool, Transaction, mysql::MySqlPoolOptions, pool::PoolConnection};
use tracing::warn;

pub use self::address::Address;
use crate::Result;

/// A connection, whether or not inside a transaction.
pub type Conn = sqlx::MySqlConnection;
/// A connection borrowed from the pool, outside any transaction.
pub type PooledConn = PoolConnection<MySql>;
/// A transaction; dropped without [`commit`](Transaction::commit) it is rolled back.
pub type Tx = Transaction<'static, MySql>;

/// How often a transaction that met a deadlock is tried, in all.
const TRANSACTION_ATTEMPTS: u32 = 10;
/// A connection that rested for longer is tried before it is used: the database may have been
/// restarted meanwhile. Busy ones are not, because that costs a round trip.
const RESTED: Duration = Duration::from_secs(1);
/// How long connections may take to be given back when the server stops.
const CLOSING: Duration = Duration::from_secs(5);
/// What every session is set to, so that nothing depends on the server's configuration. The
/// isolation level is set by statement because its variable has different names in MySQL and
/// MariaDB.
const SESSION: &str = "set session transaction isolation level read committed";
const SQL_MODE: &str = "set session sql_mode = \
     'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION'";

/// The database: a pool of connections, the number allocator and the interned identifiers.
#[derive(Clone, Debug)]
pub struct Storage {
    pool: Pool<MySql>,
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
        let options = address.options()?.statement_cache_capacity(400).collation("utf8mb4_bin").charset("utf8mb4");
        let pool = MySqlPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(5))
            .test_before_acquire(false)
            .before_acquire(|conn, about| {
                Box::pin(async move {
                    if about.idle_for > RESTED {
                        conn.ping().await?;
                    }
                    Ok(true)
                })
            })
            .after_connect(|conn, _| {
                Box::pin(async move {
                    sqlx::raw_sql(SESSION).execute(&mut *conn).await?;
                    sqlx::raw_sql(SQL_MODE).execute(&mut *conn).await?;
                    Ok(())
                })
            })
            .connect_lazy_with(options);
        let inner = Arc::new(Shared::default());
        Ok(Self { pool, inner })
    }

    /// A connection for reading, or for single statements that commit by themselves.
    pub async fn conn(&self) -> Result<PooledConn> {
        Ok(self.pool.acquire().await?)
    }

    /// Begins a transaction. Wrap the whole of it in [`Self::retry`] where rows may be contended.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(self.pool.begin().await?)
    }

    /// Runs `work`, which begins and commits a transaction, again when it meets a deadlock, the
    /// commit included. `work` must have no effects outside the transaction.
    pub async fn retry<T, Fut>(&self, work: impl Fn() -> Fut) -> Result<T>
    where
        Fut: Future<Output = Result<T>>,
    {
        let mut attempt = 1;
        loop {
            match work().await {
                Err(error) if fault::is_deadlock(&error) && attempt < TRANSACTION_ATTEMPTS => {
                    let delay_ms = rand::rng().random_range(5..=20) * u64::from(attempt);
                    tokio::time::sleep(Duration::from_millis(delay_ms)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
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
        Ok(self.pool.acquire().await?.ping().await?)
    }

    /// How many connections there are, and how many of them nobody uses.
    pub fn connections(&self) -> (usize, usize) {
        (self.pool.size() as usize, self.pool.num_idle())
    }

    /// How many one-time keys devices have left.
    fn key_supplies(&self) -> &keys::supply::KeySupplies {
        &self.inner.key_supplies
    }

    /// Closes all connections, and does not wait for ever for those in use.
    pub async fn close(&self) {
        if tokio::time::timeout(CLOSING, self.pool.close()).await.is_err() {
            let (open, idle) = self.connections();
            warn!(open, idle, "Some connections to the database are still in use and are cut");
        }
    }
}
