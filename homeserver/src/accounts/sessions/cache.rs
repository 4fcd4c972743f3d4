//! Sessions in memory, so that authenticating a request needs no database.

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, AtomicU64},
    },
};

use quick_cache::sync::Cache;

use crate::storage::{
    numbers::UserNid,
    tokens::{SessionRow, TokenHash},
};

#[cfg(test)]
mod tests;

/// At most so many sessions are kept.
const SESSIONS: usize = 100_000;
/// At most so many users with ended sessions are told apart.
const ENDED: usize = 10_000;

/// A session as it was read from the database.
#[derive(Debug)]
pub(super) struct Session {
    row: SessionRow,
    /// How many endings there had been when it was asked for.
    asked_at: u64,
    /// When its last use was noted in the database, as far as this process knows.
    pub(super) noted_at: AtomicI64,
    /// A hash of the address that was noted.
    pub(super) noted_from: AtomicU64,
}

impl Deref for Session {
    type Target = SessionRow;

    fn deref(&self) -> &SessionRow {
        &self.row
    }
}

/// The sessions that were used lately.
///
/// A session that was read before its user's sessions were last ended is not believed. So an ending
/// costs no search, and a session that was being read while it ended does not come back to life.
#[derive(Debug)]
pub(super) struct SessionCache {
    sessions: Cache<TokenHash, Arc<Session>>,
    endings: RwLock<Endings>,
}

#[derive(Debug, Default)]
struct Endings {
    /// How many there were.
    count: u64,
    /// The last that concerned all users.
    of_all: u64,
    /// The last of each user since then.
    of_users: HashMap<UserNid, u64>,
}

impl Default for SessionCache {
    fn default() -> Self {
        Self { sessions: Cache::new(SESSIONS), endings: RwLock::default() }
    }
}

impl SessionCache {
    /// How many endings there were; ask before reading a session from the database.
    pub(super) fn endings(&self) -> u64 {
        self.endings.read().unwrap_or_else(PoisonError::into_inner).count
    }

    /// The session of a token, if it is known and still to be believed.
    pub(super) fn get(&self, hash: &TokenHash) -> Option<Arc<Session>> {
        let session = self.sessions.get(hash)?;
        let endings = self.endings.read().unwrap_or_else(PoisonError::into_inner);
        let ended_at = endings.of_users.get(&session.user).copied().unwrap_or(endings.of_all);
        (session.asked_at >= ended_at).then_some(session)
    }

    /// Keeps a session that was read after `asked_at` endings.
    pub(super) fn insert(&self, hash: TokenHash, row: SessionRow, asked_at: u64) -> Arc<Session> {
        let session = Arc::new(Session { row, asked_at, noted_at: AtomicI64::new(0), noted_from: AtomicU64::new(0) });
        self.sessions.insert(hash, session.clone());
        session
    }

    /// Believes no session that was read until now.
    pub(super) fn forget_all(&self) {
        let mut endings = self.endings.write().unwrap_or_else(PoisonError::into_inner);
        endings.count += 1;
        endings.of_all = endings.count;
        endings.of_users.clear();
    }

    /// Believes no session of `user` that was read until now.
    pub(super) fn forget(&self, user: UserNid) {
        let mut endings = self.endings.write().unwrap_or_else(PoisonError::into_inner);
        endings.count += 1;
        let count = endings.count;
        if endings.of_users.len() >= ENDED {
            endings.of_all = count;
            endings.of_users.clear();
        } else {
            endings.of_users.insert(user, count);
        }
    }
}
