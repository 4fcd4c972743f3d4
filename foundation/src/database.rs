//! The database: a pool of connections, transactions that are tried again, what columns hold, and what
//! errors mean. The tables are the programs' own.

mod address;
pub mod codec;
pub mod fault;
pub mod migrations;

use std::{fmt, future::Future, marker::PhantomData, time::Duration};

use rand::Rng;
use sqlx::{Connection, MySql, Pool, Transaction, mysql::MySqlPoolOptions, pool::PoolConnection};
use tracing::warn;

pub use self::{address::Address, fault::Failure};

/// A connection, whether or not inside a transaction.
pub type Conn = sqlx::MySqlConnection;
/// A connection borrowed from the pool, outside any transaction.
pub type PooledConn = PoolConnection<MySql>;
/// A transaction; dropped without [`commit`](Transaction::commit) it is rolled back.
pub type Tx = Transaction<'static, MySql>;

/// How often a transaction that met a deadlock is tried, in all.
const TRANSACTION_ATTEMPTS: u32 = 10;
/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 400;
/// How long to wait for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// A connection that rested for longer is tried before it is used: the database may have been
/// restarted meanwhile. Busy ones are not, because that costs a round trip.
const RESTED: Duration = Duration::from_secs(1);
/// What every session is set to, so that nothing depends on the server's configuration. The
/// isolation level is set by statement because its variable has different names in MySQL and
/// MariaDB.
const SESSION: &str = "set session transaction isolation level read committed";
const SQL_MODE: &str = "set session sql_mode = \
     'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION'";

/// A pool of connections, for a program whose errors are `E`; clones share it.
pub struct Database<E> {
    pool: Pool<MySql>,
    errors: PhantomData<fn() -> E>,
}

impl<E: Failure> Database<E> {
    /// Prepares a pool of at most `connections`; connects when first used.
    pub fn open(address: &Address, connections: u32) -> Result<Self, E> {
        let options = address.options()?.statement_cache_capacity(STATEMENTS);
        let options = options.collation("utf8mb4_bin").charset("utf8mb4");
        let pool = MySqlPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(PATIENCE)
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
        Ok(Self { pool, errors: PhantomData })
    }

    /// A connection for reading, or for single statements that commit by themselves.
    pub async fn conn(&self) -> Result<PooledConn, E> {
        Ok(self.pool.acquire().await?)
    }

    /// Begins a transaction. Wrap the whole of it in [`Self::retry`] where rows may be contended.
    pub async fn begin(&self) -> Result<Tx, E> {
        Ok(self.pool.begin().await?)
    }

    /// Runs `work`, which begins and commits a transaction, again when it meets a deadlock, the
    /// commit included. `work` must have no effects outside the transaction.
    pub async fn retry<T, Fut>(&self, work: impl Fn() -> Fut) -> Result<T, E>
    where
        Fut: Future<Output = Result<T, E>>,
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
    pub async fn ping(&self) -> Result<(), E> {
        Ok(self.pool.acquire().await?.ping().await?)
    }

    /// How many connections there are, and how many of them nobody uses.
    pub fn connections(&self) -> (usize, usize) {
        (self.pool.size() as usize, self.pool.num_idle())
    }

    /// Closes all connections, and does not wait longer than `patience` for those in use.
    pub async fn close(&self, patience: Duration) {
        if tokio::time::timeout(patience, self.pool.close()).await.is_err() {
            let (open, idle) = self.connections();
            warn!(open, idle, "Some connections to the database are still in use and are cut");
        }
    }
}

impl<E> Clone for Database<E> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), errors: PhantomData }
    }
}

impl<E> fmt::Debug for Database<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("pool", &self.pool).finish()
    }
}
