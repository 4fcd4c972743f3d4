//! Where the database is, and how it comes to be.

use std::path::{Path, PathBuf};

use foundation::database::Address;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, mysql::MySqlConnectOptions};

use super::fault;
use crate::{Error, Result, config::Config};

/// The name of the database in the homeserver's private MariaDB.
const DATABASE: &str = "salon_moderation";
/// Where the private MariaDB is told its options, in the homeserver's data directory.
const OPTIONS: &str = "mariadb/options.cnf";

/// The server that the operator chose, else the homeserver's own.
pub(super) fn of(config: &Config) -> Result<Address> {
    match &config.database.url {
        Some(url) => Ok(Address::Url(url.clone())),
        None => Ok(Address::Socket {
            path: socket(&config.homeserver.data_directory.join(OPTIONS))?,
            user: user()?,
            database: DATABASE.to_owned(),
        }),
    }
}

/// The socket, as the homeserver told its database in the file of options, because it need not be beside it.
fn socket(options: &Path) -> Result<PathBuf> {
    let away = |fault: anyhow::Error| Error::Unavailable("The homeserver's database", fault);
    let text = std::fs::read_to_string(options)
        .map_err(|fault| away(anyhow::anyhow!("reading {}: {fault}", options.display())))?;
    let socket = text.lines().find_map(|line| line.strip_prefix("socket="));
    Ok(socket.ok_or_else(|| away(anyhow::anyhow!("{} names no socket", options.display())))?.into())
}

/// The user of the operating system; MariaDB knows it by the socket's other end.
fn user() -> Result<String> {
    let output = std::process::Command::new("id").arg("-un").output();
    let output = output.map_err(|fault| Error::internal(format!("running id: {fault}")))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Makes the database that `options` name, if the server does not have it.
pub(super) async fn create(options: &MySqlConnectOptions) -> Result<()> {
    let fault = match options.connect().await.map_err(Error::from) {
        Ok(conn) => return Ok(conn.close().await?),
        Err(fault) => fault,
    };
    let Some(name) = options.get_database().filter(|_| fault::is_no_such_database(&fault)) else { return Err(fault) };
    let name = name.replace('`', "``");
    let mut conn = options.clone().database("").connect().await?;
    let create = format!("create database if not exists `{name}` character set utf8mb4 collate utf8mb4_bin");
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut conn).await?;
    Ok(conn.close().await?)
}
