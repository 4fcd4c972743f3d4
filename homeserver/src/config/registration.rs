//! `[registration]`: who may make an account.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Registration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Registration {
    /// Who may register over the client-server API.
    pub mode: RegistrationMode,
    /// User names that nobody can register; `*` and `?` stand for any characters.
    pub reserved_names: Vec<String>,
    /// Whether who registers has to confirm an e-mail address.
    pub require_email: bool,
    /// The secret with which programs and administrators register users whatever the mode.
    pub shared_secret_file: Option<PathBuf>,
}

/// Who may register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationMode {
    /// Nobody.
    #[default]
    Closed,
    /// Whoever has a registration token.
    Token,
    /// Everybody.
    Open,
}
