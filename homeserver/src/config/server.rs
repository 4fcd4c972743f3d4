//! `[server]`: what this server is called and where it keeps its things.

use std::path::PathBuf;

use ruma::{OwnedServerName, server_name};
use serde::{Deserialize, Serialize};

/// Who this server is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// The part after the colon in user IDs. It can never change.
    pub name: OwnedServerName,
    /// Keys, media and the private database.
    pub data_directory: PathBuf,
}

impl Default for Server {
    fn default() -> Self {
        Self { name: server_name!("localhost").to_owned(), data_directory: "data".into() }
    }
}
