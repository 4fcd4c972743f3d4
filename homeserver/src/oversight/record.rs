//! Keeps record of what administrators do.

use tracing::info;

use super::Oversight;
use crate::{Result, accounts::User};

/// What an administrator did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Wrote a rule.
    RulePut,
    /// Revoked a rule.
    RuleRevoked,
    /// Decided about somebody who waits.
    ApprovalDecided,
}

impl Act {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::RulePut => "access.rule.put",
            Self::RuleRevoked => "access.rule.revoke",
            Self::ApprovalDecided => "access.approval.decide",
        }
    }
}

impl Oversight {
    /// Notes what `caller` did to `target`.
    pub(super) async fn record(&self, caller: &User, act: Act, target: &str) -> Result<()> {
        info!(user.id = %caller.id, act = act.name(), target, "An administrator changed access");
        Ok(())
    }
}
