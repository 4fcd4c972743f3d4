//! Tests over HTTP against real servers on a real database: one file per feature.

mod accounts;
mod cross_signing;
mod device_lists;
mod key_backups;
mod keys;
mod listeners;
mod rooms;
mod sync;
mod to_device;
