//! `[login]`: what people need besides a password to log in.

use serde::{Deserialize, Serialize};

/// Login.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Login {
    /// Who has to have two-factor authentication.
    pub require_totp: RequireTotp,
    /// Whether clients that know passwords only may send the code of the second factor after the password.
    pub totp_suffix: bool,
}

/// Whom the server lets log in by password only if they have a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequireTotp {
    /// Nobody: it is everybody's own choice.
    None,
    /// Server administrators.
    Admins,
    /// Everybody.
    All,
}

impl Default for Login {
    fn default() -> Self {
        Self { require_totp: RequireTotp::None, totp_suffix: true }
    }
}
