//! Tests over HTTP against real servers on a real database: one file per feature.
#![expect(clippy::disallowed_methods, reason = "tests do several things at a time")]

mod account_data;
mod accounts;
mod aliases;
mod creation;
mod cross_signing;
mod device_lists;
mod devices;
mod discovery;
mod following;
mod history_visibility;
mod interactive_auth;
mod key_backups;
mod keys;
mod listeners;
mod login;
mod malformed_requests;
mod media;
mod membership;
mod presence;
mod profiles;
mod public_rooms;
mod rate_limits;
mod reading;
mod receipts;
mod receiving;
mod registration;
mod relations;
mod rooms;
mod spaces;
mod sync;
mod to_device;
mod typing;
mod unread;
mod upgrades;
mod user_directory;
