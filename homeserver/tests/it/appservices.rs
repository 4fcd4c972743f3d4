//! Application services: who they are, what they may, what they are told and asked.

mod directory;
mod encryption;
mod identity;
mod passing;
mod ping;
mod queries;
mod registration;
mod third_party;
mod transactions;
