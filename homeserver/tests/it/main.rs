//! Tests over HTTP against real servers on a real database: one file per feature.

mod accounts;
mod rooms;
mod sync;
