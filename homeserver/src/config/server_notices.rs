//! `[server_notices]`: by whom, and where, the server tells users what concerns them.

use serde::{Deserialize, Serialize};

use super::Problem;

/// What the server tells users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerNotices {
    /// The name of the user by whom it speaks.
    pub localpart: String,
    /// What that user is called.
    pub display_name: String,
    /// What the rooms are called.
    pub room_name: String,
}

impl Default for ServerNotices {
    fn default() -> Self {
        Self {
            localpart: "_server".to_owned(),
            display_name: "Server notices".to_owned(),
            room_name: "Server notices".to_owned(),
        }
    }
}

impl ServerNotices {
    pub(super) fn check(&self) -> Result<(), Problem> {
        let is_possible = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._=-/+".contains(c);
        if !self.localpart.starts_with('_') || !self.localpart.chars().all(is_possible) {
            let message =
                "begins with an underscore, so that nobody can register it, and has the characters of user names";
            return Err(Problem::new("server_notices.localpart", message));
        }
        Ok(())
    }
}
