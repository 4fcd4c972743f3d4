//! Speaks to other programs.

pub mod outgoing;
