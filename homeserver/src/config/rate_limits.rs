//! `[rate_limits]`: how often clients may do what.

use serde::{Deserialize, Serialize};

use super::Problem;

/// Rate limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "each limit is described at the action of its name")]
pub struct RateLimits {
    /// Whether clients are limited at all.
    pub enabled: bool,
    pub anonymous: Limit,
    pub default: Limit,
    pub login: Limit,
    pub failed_login: Limit,
    pub failed_login_anywhere: Limit,
    pub email: Limit,
    pub email_to: Limit,
    pub registration: Limit,
    pub message: Limit,
    pub room_creation: Limit,
    pub join: Limit,
    pub invite: Limit,
    pub media: Limit,
}

/// So many at once, and so many per second in the long run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// How many at once after a rest.
    pub burst: u32,
    /// How many per second in the long run.
    pub per_second: f64,
}

impl RateLimits {
    pub(super) fn check(&self) -> Result<(), Problem> {
        let limits = [
            ("anonymous", self.anonymous),
            ("default", self.default),
            ("login", self.login),
            ("failed_login", self.failed_login),
            ("failed_login_anywhere", self.failed_login_anywhere),
            ("email", self.email),
            ("email_to", self.email_to),
            ("registration", self.registration),
            ("message", self.message),
            ("room_creation", self.room_creation),
            ("join", self.join),
            ("invite", self.invite),
            ("media", self.media),
        ];
        let is_possible = |limit: &Limit| limit.burst > 0 && limit.per_second > 0.0;
        match limits.into_iter().find(|(_, limit)| !is_possible(limit)) {
            Some((name, _)) => Err(Problem::new(format!("rate_limits.{name}"), "both numbers must be above 0")),
            None => Ok(()),
        }
    }
}

impl Limit {
    const fn new(burst: u32, per_second: f64) -> Self {
        Self { burst, per_second }
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            enabled: true,
            anonymous: Limit::new(100, 20.0),
            default: Limit::new(200, 50.0),
            login: Limit::new(10, 0.2),
            failed_login: Limit::new(5, 0.1),
            failed_login_anywhere: Limit::new(60, 0.05),
            email: Limit::new(10, 0.02),
            email_to: Limit::new(4, 0.002),
            registration: Limit::new(10, 0.1),
            message: Limit::new(50, 10.0),
            room_creation: Limit::new(10, 0.2),
            join: Limit::new(20, 0.5),
            invite: Limit::new(50, 1.0),
            media: Limit::new(50, 5.0),
        }
    }
}
