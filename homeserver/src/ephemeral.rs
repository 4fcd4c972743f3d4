//! What passes: who is typing, who is there, who has read what.

pub mod counter;
pub mod nudges;
pub mod presence;
pub mod receipts;
pub mod threads;
pub mod typing;

pub use self::{counter::Counter, nudges::Nudges, presence::Presence, receipts::Receipts, typing::Typing};
