//! What is allowed to whom before it is looked at any closer.

pub mod rate_limits;

use self::rate_limits::RateLimits;
use crate::{clock::Clock, config};

/// The gates that every request passes; clones share them.
#[derive(Clone, Debug)]
pub struct Access {
    /// How often somebody may do something.
    pub rate_limits: RateLimits,
}

impl Access {
    /// Gates as configured.
    pub fn new(limits: &config::RateLimits, clock: Clock) -> Self {
        Self { rate_limits: RateLimits::new(limits, clock) }
    }
}
