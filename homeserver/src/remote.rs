//! Speaks to other programs.

pub mod appservices;
pub mod identity_providers;
pub mod outgoing;
