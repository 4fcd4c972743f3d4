//! Salon's moderation: commands, cases and access rules for those who look after a server.
//!
//! An application service decides, the homeserver enforces: this program speaks to it over HTTP alone.
//! Modules stand in layers and use only what stands below them; `tests/architecture.rs` holds the
//! table.

pub mod cli;

pub mod http;

pub mod intake;
pub mod talk;

pub mod commands;

pub mod policy_lists;
pub mod protections;

pub mod observers;
pub mod proposals;

pub mod actions;
pub mod roles;
pub mod rooms;
pub mod tokens;

pub mod matrix;
pub mod storage;

pub mod config;
pub mod error;
pub mod event;
pub mod ids;
pub mod registration;
pub mod reply;
pub mod time;

pub mod app;

pub use app::App;
pub use error::{Error, Result};
pub use foundation::{clock, tasks};
