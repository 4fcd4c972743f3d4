//! Application services: who they are, what they may, what they are told and asked.

mod identity;
mod ping;
mod registration;
mod transactions;
