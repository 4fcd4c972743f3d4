//! Why a configuration cannot be used: one line that names the option.

use std::fmt::Display;

/// A wrong option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{option}: {message}")]
pub struct Problem {
    option: String,
    message: String,
}

impl Problem {
    /// `option` is written as in the TOML file, with its table: `server.name`.
    pub fn new(option: impl Into<String>, message: impl Display) -> Self {
        // One line, whatever a parser has to say.
        let message = message.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Self { option: option.into(), message }
    }
}
