//! Speaks SQL: the only code that knows sqlx. Functions are free functions, the connection first;
//! whoever calls them owns the transaction.

pub mod address;
pub mod cases;
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

use foundation::database::Database;
pub use foundation::database::{Conn, codec};

use crate::{Error, Result, config::Config};

/// The database: a pool of connections; clones share it.
pub type Storage = Database<Error>;

/// Makes the database if it is missing, brings its schema up to date, and prepares the connections.
///
/// Fails with [`Error::Unavailable`] while the server is away.
pub async fn open(config: &Config) -> Result<Storage> {
    let address = address::of(config)?;
    address::create(&address.options()?).await?;
    let storage = Storage::open(&address, config.database.connections)?;
    migrations::run(&storage).await?;
    Ok(storage)
}
