//! `[database]`: which MySQL or MariaDB server holds the data.

use serde::{Deserialize, Serialize};

use super::{Hidden, Problem};

/// The database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// A `mysql://` URL of a server to use; without one, a private MariaDB is run in the data directory.
    pub url: Option<Hidden>,
    /// Connections, at most.
    pub connections: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: None, connections: 20 }
    }
}

impl Database {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if !(2..=1000).contains(&self.connections) {
            return Err(Problem::new("database.connections", "must be between 2 and 1000"));
        }
        let Some(url) = &self.url else { return Ok(()) };
        let parsed = url::Url::parse(url.expose()).map_err(|fault| Problem::new("database.url", fault))?;
        if !matches!(parsed.scheme(), "mysql" | "mariadb") || parsed.path().len() < 2 {
            return Err(Problem::new("database.url", "must look like mysql://user:password@host/database"));
        }
        Ok(())
    }
}
