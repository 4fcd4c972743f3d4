//! Keeps record of what administrators do besides changing rules, which is noted with the change.

use ruma::UserId;

use super::Oversight;
use crate::{
    Result,
    accounts::User,
    audit::{Action, Event},
};

/// What an administrator did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Decided about somebody who waits.
    ApprovalDecided,
    /// Looked at client addresses.
    AddressesSeen,
    /// Looked at from which networks somebody comes, or who comes from one.
    NetworksSeen,
}

impl Act {
    /// Its name.
    fn name(self) -> &'static str {
        match self {
            Self::ApprovalDecided => "access.approval.decide",
            Self::AddressesSeen => "access.addresses.see",
            Self::NetworksSeen => "access.networks.see",
        }
    }
}

impl Oversight {
    /// Notes what `caller` did, to whom, and why.
    pub(super) async fn record(
        &self,
        caller: &User,
        act: Act,
        target: Option<&UserId>,
        reason: Option<&str>,
    ) -> Result<()> {
        let mut event = Event::new(Action::AdminActed, caller).detail("what", act.name());
        if let Some(target) = target {
            event = event.on(target);
        }
        if let Some(reason) = reason {
            event = event.private("reason", reason);
        }
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                self.audit.append(&mut tx, [event.clone()]).await?;
                Ok(tx.commit().await?)
            })
            .await
    }
}
