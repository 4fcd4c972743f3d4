//! Salon, a Matrix homeserver for people who run MySQL.
//!
//! Modules stand in layers and use only what stands below them; `tests/architecture.rs` holds the
//! table. `docs/architecture.md` walks through it.

pub mod cli;

pub mod http;

pub mod appservices;
pub mod push;
pub mod sync;

pub mod creation;
pub mod directory;
pub mod membership;
pub mod moderation;
pub mod oversight;
pub mod posting;
pub mod reading;
pub mod reports;
pub mod search;

pub mod ephemeral;
pub mod unread;

pub mod rooms;

pub mod access;
pub mod accounts;
pub mod admission;
pub mod devices;
pub mod keys;
pub mod media;
pub mod remote;

pub mod audit;
pub mod event;
pub mod mail;
pub mod rotation;
pub mod tail;

pub mod storage;

pub mod bus;
pub mod clock;
pub mod config;
pub mod error;
pub mod json;
pub mod metrics;
pub mod secrets;
pub mod signing;
pub mod turn;

pub mod app;

pub use app::App;
pub use error::{Error, Result};
pub use foundation::tasks;
