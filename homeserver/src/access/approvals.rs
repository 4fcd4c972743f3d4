//! What accounts can show for themselves when a rule wants more of them: what administrators have allowed
//! them, and a second factor.

use std::sync::Arc;

use quick_cache::sync::Cache;
use ruma::UserId;

use crate::{
    Error, Result,
    clock::Clock,
    storage::{
        Storage,
        approvals::{self, Approval, State},
        factors,
        numbers::UserNid,
    },
};

/// The longest reason, in bytes.
const LONGEST_REASON: usize = 1024;

/// So long it is remembered that an account can show something, in milliseconds: another process may have
/// taken it back. What it cannot show is asked for each time, so that it counts at once.
const FRESH_MS: i64 = 10_000;
/// So much is remembered, at most.
const REMEMBERED: usize = 100_000;

/// What an account can show.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Credential {
    SecondFactor(UserNid),
    Approval(UserNid, String),
}

/// The queue; clones share it.
#[derive(Clone, Debug)]
pub struct Approvals {
    storage: Storage,
    clock: Clock,
    /// What was shown, and when it was looked at.
    shown: Arc<Cache<Credential, i64>>,
}

impl Approvals {
    /// The queue in `storage`.
    pub fn new(storage: Storage, clock: Clock) -> Self {
        Self { storage, clock, shown: Arc::new(Cache::new(REMEMBERED)) }
    }

    /// What was decided about `user` in `scope`. Whoever was not asked about yet is put into the queue,
    /// because of the rule `rule_id`.
    pub async fn state(&self, user: UserNid, scope: &str, rule_id: &str) -> Result<State> {
        let credential = Credential::Approval(user, scope.to_owned());
        if self.was_shown(&credential) {
            return Ok(State::Approved);
        }
        let mut conn = self.storage.conn().await?;
        if let Some(state) = approvals::find(&mut conn, user, scope).await? {
            if state == State::Approved {
                self.shown.insert(credential, self.clock.now_ms());
            }
            return Ok(state);
        }
        approvals::insert(&mut conn, user, scope, rule_id, self.clock.now_ms()).await?;
        Ok(State::Waiting)
    }

    /// Whether an account has a second factor.
    pub async fn has_second_factor(&self, user: UserNid) -> Result<bool> {
        let credential = Credential::SecondFactor(user);
        if self.was_shown(&credential) {
            return Ok(true);
        }
        let has_one = factors::exists(&mut *self.storage.conn().await?, user).await?;
        if has_one {
            self.shown.insert(credential, self.clock.now_ms());
        }
        Ok(has_one)
    }

    fn was_shown(&self, credential: &Credential) -> bool {
        self.shown.get(credential).is_some_and(|at| self.clock.now_ms() - at < FRESH_MS)
    }

    /// Lists at most `limit` entries in `state`, the oldest first, after that made at `after`.
    pub async fn list(&self, state: State, after: (i64, UserNid), limit: u32) -> Result<Vec<Approval>> {
        approvals::list(&mut *self.storage.conn().await?, state, after, limit).await
    }

    /// Decides about `user` in `scope`, in the name of `by`. Returns what was decided before.
    pub async fn decide(
        &self,
        user: UserNid,
        scope: &str,
        is_approved: bool,
        by: &UserId,
        reason: Option<&str>,
    ) -> Result<State> {
        if reason.is_some_and(|reason| reason.len() > LONGEST_REASON) {
            return Err(Error::too_large(format!("A reason has at most {LONGEST_REASON} bytes.")));
        }
        let mut conn = self.storage.conn().await?;
        let before = approvals::find(&mut conn, user, scope).await?;
        let before = before.ok_or_else(|| Error::not_found("Nobody waits for this."))?;
        let state = if is_approved { State::Approved } else { State::Denied };
        approvals::decide(&mut conn, user, scope, state, by, reason, self.clock.now_ms()).await?;
        self.shown.remove(&Credential::Approval(user, scope.to_owned()));
        Ok(before)
    }
}
