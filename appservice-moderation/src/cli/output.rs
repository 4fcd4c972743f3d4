//! Writes to the terminal what people are meant to read. Logs go another way.

use std::io::Write;

/// Writes a text and a line break to the standard output.
pub(super) fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Writes what went wrong to the standard error output.
pub(super) fn complain(text: &str) {
    // There is nobody left to tell when this fails.
    let _ = writeln!(std::io::stderr().lock(), "salon-moderation: {text}");
}
