//! `[server]`: what this server is called and where it keeps its things.

use std::path::PathBuf;

use ruma::{OwnedServerName, server_name};
use serde::{Deserialize, Serialize};
use url::Url;

use super::Problem;

/// Who this server is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// The part after the colon in user IDs. It can never change.
    pub name: OwnedServerName,
    /// Where clients reach this server; published under `/.well-known/matrix/client`.
    pub base_url: Option<Url>,
    /// Keys, media and the private database.
    pub data_directory: PathBuf,
}

impl Default for Server {
    fn default() -> Self {
        Self { name: server_name!("localhost").to_owned(), base_url: None, data_directory: "data".into() }
    }
}

impl Server {
    pub(super) fn check(&self) -> Result<(), Problem> {
        let Some(url) = &self.base_url else { return Ok(()) };
        let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
            return Err(Problem::new("server.base_url", "must look like https://matrix.example.org"));
        }
        Ok(())
    }
}
