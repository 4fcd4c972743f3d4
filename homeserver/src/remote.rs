//! Speaks to other programs.

pub mod appservices;
pub mod captcha;
pub mod identity_providers;
pub mod outgoing;
