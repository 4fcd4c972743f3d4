//! What accounts wait for administrators to allow.

use ruma::UserId;

use crate::{
    Error, Result,
    clock::Clock,
    storage::{
        Storage,
        approvals::{self, Approval, State},
        numbers::UserNid,
    },
};

/// The longest reason, in bytes.
const LONGEST_REASON: usize = 1024;

/// The queue; clones share it.
#[derive(Clone, Debug)]
pub struct Approvals {
    storage: Storage,
    clock: Clock,
}

impl Approvals {
    /// The queue in `storage`.
    pub fn new(storage: Storage, clock: Clock) -> Self {
        Self { storage, clock }
    }

    /// What was decided about `user` in `scope`. Whoever was not asked about yet is put into the queue,
    /// because of the rule `rule_id`.
    pub async fn state(&self, user: UserNid, scope: &str, rule_id: &str) -> Result<State> {
        let mut conn = self.storage.conn().await?;
        if let Some(state) = approvals::find(&mut conn, user, scope).await? {
            return Ok(state);
        }
        approvals::insert(&mut conn, user, scope, rule_id, self.clock.now_ms()).await?;
        Ok(State::Waiting)
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
        Ok(before)
    }
}
