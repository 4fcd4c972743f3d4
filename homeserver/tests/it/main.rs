//! Tests over HTTP against real servers on a real database: one file per feature.

mod accounts;
mod listeners;
mod rooms;
mod sync;
