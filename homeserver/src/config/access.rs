//! `[access]`: what is kept of where people come from, and who may see it.

use ruma::OwnedUserId;
use serde::{Deserialize, Serialize};

/// Access.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// Days for which it is kept, encrypted, from which address and by which client accounts were used;
    /// with 0, it is not.
    pub address_retention_days: u16,
    /// Administrators who may see client addresses over the access API; each look is recorded.
    pub address_readers: Vec<OwnedUserId>,
    /// Application services, by their ID, that may call the access API for anybody whom they name: they
    /// decide themselves who may administrate.
    pub appservices: Vec<String>,
    /// Whether administrators may begin sessions of others, who see them among their devices.
    pub impersonation: bool,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            address_retention_days: 30,
            address_readers: Vec::new(),
            appservices: vec!["salon-moderation".to_owned()],
            impersonation: false,
        }
    }
}
