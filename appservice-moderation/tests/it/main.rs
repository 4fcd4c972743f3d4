//! What people and programs see of moderation, with a real homeserver and a real database.
#![expect(clippy::disallowed_methods, reason = "tests do several things at a time")]

mod support;

mod access;
mod api;
mod description;
mod emails;
mod lockdown;
mod operators;
mod people;
mod policy_lists;
mod protections;
mod rooms;
mod servers;
mod talk;
