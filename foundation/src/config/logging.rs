//! `[logging]`: what is logged, and how it looks.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::Problem;

/// Logging.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logging {
    /// How lines look.
    pub format: LogFormat,
    /// What is logged: a level, or levels by module, such as `info,sqlx=debug`.
    pub filter: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Logging {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

impl Logging {
    /// Refuses a filter that cannot be understood.
    pub fn check(&self) -> Result<(), Problem> {
        EnvFilter::try_new(&self.filter).map_err(|fault| Problem::new("logging.filter", fault))?;
        Ok(())
    }
}
