//! `[appservices]`: programs that act for many users, such as bridges to other networks.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::values;

/// Application services.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AppServices {
    /// Registration files in YAML, or directories with such files, besides the directory `appservices` in the
    /// data directory.
    #[serde(deserialize_with = "values::one_or_many")]
    pub registrations: Vec<PathBuf>,
    /// Whether the server's token stands in the query too, as it did before version 1.4 of the
    /// specification.
    pub token_in_query: bool,
}
