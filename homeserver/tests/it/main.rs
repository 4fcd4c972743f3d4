//! Tests over HTTP against real servers on a real database: one file per feature.
#![expect(clippy::disallowed_methods, reason = "tests do several things at a time")]

mod accounts;
mod listeners;
mod rooms;
mod sync;
