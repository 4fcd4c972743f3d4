//! Speaks to other programs.

pub mod appservices;
pub mod outgoing;
