//! The file that fail2ban reads: one line for everything that looks like an attack. The form of the
//! lines never changes; `config/fail2ban` has the filter for it.
//!
//! ```text
//! 2026-11-24T10:39:00.007Z salon authn_login_fail ip=203.0.113.7 reason=bad_password user=@alice:example.org
//! ```

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use tracing::warn;

use super::{
    event::{Action, Event},
    writer::Pending,
};
use crate::clock;

/// The file, if there is to be one.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    file: Option<PathBuf>,
}

impl Lines {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Self { file }
    }

    /// Writes the lines of `events`. The file is opened anew each time, so that it can be moved away.
    pub(super) async fn write(&self, events: &[Pending]) {
        let Some(file) = self.file.clone() else { return };
        let text: String = events.iter().filter_map(line).collect();
        if text.is_empty() {
            return;
        }
        let written = tokio::task::spawn_blocking(move || append(&file, &text)).await;
        if let Ok(Err(fault)) | Err(fault) = written.map_err(std::io::Error::other) {
            warn!(%fault, "The file for fail2ban could not be written");
        }
    }
}

fn append(file: &Path, text: &str) -> std::io::Result<()> {
    OpenOptions::new().create(true).append(true).mode(0o640).open(file)?.write_all(text.as_bytes())
}

/// The line of an event, if it is one of an attack. Nothing in it is made up by clients but the user,
/// who exists.
pub(super) fn line(pending: &Pending) -> Option<String> {
    let event = &pending.event;
    let origin = event.actor.origin.as_ref().filter(|_| !event.is_success && is_attack(event))?;
    let reason = event.details.get("reason").and_then(serde_json::Value::as_str).unwrap_or("unknown");
    let user = event.target.as_ref().or(event.actor.user_id.as_ref()).map_or("-", |user| user.as_str());
    let (time, address) = (clock::rfc3339(pending.at_ms), origin.address.to_canonical());
    Some(format!("{time} salon {} ip={address} reason={reason} user={user}\n", event.name()))
}

fn is_attack(event: &Event) -> bool {
    use Action::{FactorLocked, FactorUsed, RateLimit, SignIn, TokenReused};
    matches!(event.action, SignIn | RateLimit | FactorUsed | FactorLocked | TokenReused)
}
