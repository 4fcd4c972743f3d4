//! The queue of those who wait to be approved, and what users reported.

use ruma::UserId;

use super::{ADMINISTRATION, Oversight, must_be_by_itself, record::Act};
use crate::{
    Result,
    access::rule::Scope,
    accounts::User,
    storage::{
        approvals::{Approval, State},
        numbers::UserNid,
        reports::{self, StoredReport},
    },
};

/// The scope of an account that was registered and may not act yet.
const REGISTRATION: &str = "registration";

impl Oversight {
    /// Lists who waits, the oldest first, after the one of a time and a user.
    pub async fn waiting(&self, caller: &User, after: (i64, UserNid), limit: u32) -> Result<Vec<Approval>> {
        self.must_be(caller)?;
        self.access.approvals.list(State::Waiting, after, limit).await
    }

    /// Decides about `user` in `scope`. An account that waited to be approved can act from then on, or is
    /// closed for good.
    pub async fn decide(
        &self,
        caller: &User,
        user: &UserId,
        scope: &str,
        is_approved: bool,
        reason: Option<&str>,
    ) -> Result<()> {
        self.must_be(caller)?;
        if scope.parse::<Scope>()? == ADMINISTRATION {
            must_be_by_itself(caller)?;
        }
        let administration = &self.accounts.administration;
        let account = administration.find(user).await?;
        let before = self.access.approvals.decide(account.user, scope, is_approved, &caller.id, reason).await?;
        if scope == REGISTRATION && before == State::Waiting {
            match is_approved {
                true => administration.let_act(account.user).await?,
                false => administration.deactivate(user, true).await?,
            }
        }
        self.record(caller, Act::ApprovalDecided, Some(user), reason).await
    }

    /// Lists at most `limit` reports, the oldest first, after the one of a time and a number.
    pub async fn reports(&self, caller: &User, after: (i64, i64), limit: u32) -> Result<Vec<StoredReport>> {
        self.must_be(caller)?;
        reports::list(&mut *self.storage.conn().await?, after, limit).await
    }
}
