//! Speaks SQL: the only code that knows sqlx. Functions are free functions, the connection first;
//! whoever calls them owns the transaction.

pub mod address;
pub mod cases;
pub mod codec;
pub mod direct_chats;
pub mod fault;
pub mod inbox;
pub mod jobs;
pub mod migrations;
pub mod policy_lists;
pub mod proposals;
pub mod protected_rooms;
pub mod protections;
pub mod roles;
pub mod settings;
pub mod tokens;

use std::{future::Future, time::Duration};

use rand::Rng;
use sqlx::{Connection, MySql, Pool, Transaction, mysql::MySqlPoolOptions, pool::PoolConnection};

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
/// How long connections may take to be given back when the process stops.
const CLOSING: Duration = Duration::from_millis(200);
/// What every session is set to, so that nothing depends on the server's configuration.
const SESSION: &str = "set session transaction isolation level read committed";
const SQL_MODE: &str = "set session sql_mode = \
     'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION'";

/// The database: a pool of connections; clones share it.
#[derive(Clone, Debug)]
pub struct Storage {
    pool: Pool<MySql>,
}

impl Storage {
    /// Makes the database if it is missing, and prepares a pool of at most `connections`.
    ///
    /// Fails with [`Error::Unavailable`](crate::Error::Unavailable) while the server is away.
    pub async fn open(address: &Address, connections: u32) -> Result<Self> {
        let options = address.options()?.statement_cache_capacity(200).collation("utf8mb4_bin").charset("utf8mb4");
        address::create(&options).await?;
        let pool = MySqlPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(5))
            .after_connect(|conn, _| {
                Box::pin(async move {
                    sqlx::raw_sql(SESSION).execute(&mut *conn).await?;
                    sqlx::raw_sql(SQL_MODE).execute(&mut *conn).await?;
                    Ok(())
                })
            })
            .connect_lazy_with(options);
        Ok(Self { pool })
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

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        Ok(self.pool.acquire().await?.ping().await?)
    }

    /// Closes all connections, and does not wait long for those in use.
    pub async fn close(&self) {
        // What is cut off then is done again after the next start.
        let _ = tokio::time::timeout(CLOSING, self.pool.close()).await;
    }
}
