//! Plans as commands make them, and how they are told of in words.

use std::fmt::Display;

use super::Arguments;
use crate::{
    actions::{Act, Plan},
    time,
};

impl Arguments {
    /// A plan for as long, and with the reason, as they say.
    pub(super) fn plan(&self, title: String, acts: Vec<Act>) -> Plan {
        Plan { title, reason: self.reason(), room_id: None, acts, for_ms: self.for_ms() }
    }
}

/// The length and the reason, as they follow what is planned.
pub(super) fn terms(arguments: &Arguments) -> String {
    let length = arguments.for_ms().map(|length| format!(" for {}", time::words(length))).unwrap_or_default();
    let reason = arguments.reason().map(|reason| format!(", because: {reason}")).unwrap_or_default();
    format!("{length}{reason}")
}

/// Names, one after the other.
pub(super) fn names<T: Display>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A number of rooms.
pub(super) fn rooms(count: usize) -> String {
    if count == 1 { "1 room".to_owned() } else { format!("{count} rooms") }
}

/// A number of accounts.
pub(super) fn accounts(count: u64) -> String {
    if count == 1 { "1 account".to_owned() } else { format!("{count} accounts") }
}

/// Some names of more.
pub(super) fn some(names: &[String], count: u64) -> String {
    const SHOWN: usize = 10;
    if names.is_empty() {
        return String::new();
    }
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    let rest = count.saturating_sub(names.len().min(SHOWN) as u64);
    if rest > 0 { format!(" ({shown} and {rest} more)") } else { format!(" ({shown})") }
}
