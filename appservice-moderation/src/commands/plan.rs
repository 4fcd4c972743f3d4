//! How plans are told of in words.

use super::Arguments;
use crate::time;

/// The length and the reason, as they follow what is planned.
pub(super) fn terms(arguments: &Arguments) -> String {
    let length = arguments.for_ms().map(|length| format!(" for {}", time::words(length))).unwrap_or_default();
    let reason = arguments.reason().map(|reason| format!(", because: {reason}")).unwrap_or_default();
    format!("{length}{reason}")
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
