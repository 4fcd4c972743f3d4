//! Account data that the server itself acts upon: read once, then kept current by the facts in the
//! tail.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use quick_cache::sync::Cache;
use ruma::UserId;

use crate::{
    Result,
    storage::{
        Storage, account_data,
        numbers::{Position, UserNid},
        together::Together,
    },
    tail::{Fact, Tail},
};

/// Users whose data of one type are kept in memory.
const USERS: usize = 20_000;

/// Global account data of one type, made into a `T`; clones share what is in memory.
pub struct Followed<T> {
    storage: Storage,
    tail: Tail,
    kind: &'static str,
    make: fn(Option<&str>, &UserId) -> T,
    users: Arc<Cache<UserNid, Arc<Known<T>>>>,
    reads: Arc<Together<UserNid, Option<Arc<str>>>>,
}

/// Data in memory, and up to which position of the log they are known not to have changed.
struct Known<T> {
    data: Arc<T>,
    as_of: AtomicI64,
}

impl<T> Clone for Followed<T> {
    fn clone(&self) -> Self {
        let Self { storage, tail, kind, make, users, reads } = self;
        let (storage, tail) = (storage.clone(), tail.clone());
        Self { storage, tail, kind, make: *make, users: users.clone(), reads: reads.clone() }
    }
}

impl<T> fmt::Debug for Followed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Followed({})", self.kind)
    }
}

impl<T> Followed<T> {
    /// Account data of the type `kind`; `make` is given their content, if there are any, and the
    /// user.
    pub fn new(storage: Storage, tail: Tail, kind: &'static str, make: fn(Option<&str>, &UserId) -> T) -> Self {
        Self { storage, tail, kind, make, users: Arc::new(Cache::new(USERS)), reads: Arc::default() }
    }

    /// The data of a user as they are committed.
    pub async fn load(&self, user: UserNid, user_id: &UserId) -> Result<Arc<T>> {
        if let Some(known) = self.users.get(&user)
            && let Some(data) = self.current(user, user_id, &known)
        {
            return Ok(data);
        }
        // Asked for before what is stored, which then is at least as new.
        let as_of = self.tail.view().head();
        let stored = self.reads.get(user, |users| self.read(users)).await?;
        Ok(self.keep(user, (self.make)(stored.as_deref(), user_id), as_of))
    }

    /// What is stored for `users`.
    async fn read(&self, users: Vec<UserNid>) -> Result<HashMap<UserNid, Option<Arc<str>>>> {
        let mut conn = self.storage.conn().await?;
        let mut stored = account_data::find_global(&mut conn, &users, self.kind).await?;
        Ok(users.into_iter().map(|user| (user, stored.remove(&user).map(Arc::from))).collect())
    }

    /// What is in memory, if the tail tells how it changed since.
    fn current(&self, user: UserNid, user_id: &UserId, known: &Known<T>) -> Option<Arc<T>> {
        let as_of = Position(known.as_of.load(Ordering::Acquire));
        let (change, head) = {
            let tail = self.tail.view();
            if !tail.reaches(as_of) {
                return None;
            }
            let change = tail.user(user, as_of).rev().find_map(|entry| match &entry.fact {
                Fact::AccountData(data) if data.room.is_none() && data.kind == self.kind => Some(data.clone()),
                _ => None,
            });
            (change, tail.head())
        };
        match change {
            Some(data) => Some(self.keep(user, (self.make)(Some(data.content.get()), user_id), head)),
            None => {
                known.as_of.fetch_max(head.0, Ordering::AcqRel);
                Some(known.data.clone())
            }
        }
    }

    fn keep(&self, user: UserNid, data: T, as_of: Position) -> Arc<T> {
        let data = Arc::new(data);
        self.users.insert(user, Arc::new(Known { data: data.clone(), as_of: AtomicI64::new(as_of.0) }));
        data
    }
}
