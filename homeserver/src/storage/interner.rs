//! The numbers of user IDs and state keys, remembered once they are known.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use ruma::{OwnedUserId, UserId};
use sqlx::AssertSqlSafe;

use super::{
    Conn, Storage,
    bulk::{lists, marks},
    codec::{Text, UserIdColumn},
    nids::Kind,
    numbers::{StateKeyNid, UserNid},
};
use crate::{Error, Result};

/// Forget everything beyond this many entries of a kind: they are found again in the database.
const CAPACITY: usize = 500_000;

/// An event type with a state key.
pub type StateKey = (String, String);

/// Known numbers, in both directions.
#[derive(Debug, Default)]
pub struct Interner {
    users: RwLock<Table<OwnedUserId>>,
    state_keys: RwLock<Table<StateKey>>,
}

#[derive(Debug)]
struct Table<K> {
    by_name: HashMap<K, i64>,
    by_number: HashMap<i64, K>,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self { by_name: HashMap::new(), by_number: HashMap::new() }
    }
}

impl<K: Clone + Eq + std::hash::Hash> Table<K> {
    fn insert(&mut self, name: K, number: i64) {
        if self.by_name.len() >= CAPACITY {
            *self = Self::default();
        }
        self.by_name.insert(name.clone(), number);
        self.by_number.insert(number, name);
    }

    /// The names behind `numbers`, in their order, as far as they are known.
    fn names(&self, numbers: &[i64]) -> Vec<Option<K>> {
        numbers.iter().map(|number| self.by_number.get(number).cloned()).collect()
    }

    /// Puts the names that were `found` in their places; they are known from now on.
    fn complete(&mut self, names: &mut [Option<K>], numbers: &[i64], found: HashMap<i64, K>) {
        for (name, number) in names.iter_mut().zip(numbers).filter(|(name, _)| name.is_none()) {
            *name = found.get(number).cloned();
        }
        for (number, name) in found {
            self.insert(name, number);
        }
    }
}

/// The numbers whose names are missing.
fn unknown<K>(names: &[Option<K>], numbers: &[i64]) -> Vec<i64> {
    names.iter().zip(numbers).filter(|(name, _)| name.is_none()).map(|(_, number)| *number).collect()
}

impl Storage {
    /// The number of `user`, which is new if it was never seen.
    pub async fn intern_user(&self, user: &UserId) -> Result<UserNid> {
        if let Some(known) = read(&self.interner().users).by_name.get(user) {
            return Ok(UserNid(*known));
        }
        let mut conn = self.conn().await?;
        let number = match find_user(&mut conn, user).await? {
            Some(number) => number,
            None => {
                let fresh = self.nids().take(&mut conn, Kind::User, 1).await?;
                sqlx::query!("insert ignore into users (user_nid, user_id) values (?, ?)", fresh, user.as_str())
                    .execute(&mut *conn)
                    .await?;
                find_user(&mut conn, user).await?.ok_or_else(|| Error::internal("a user's number has vanished"))?
            }
        };
        write(&self.interner().users).insert(user.to_owned(), number.0);
        Ok(number)
    }

    /// The number of `user` if it was ever seen.
    pub async fn find_user_nid(&self, user: &UserId) -> Result<Option<UserNid>> {
        if let Some(known) = read(&self.interner().users).by_name.get(user) {
            return Ok(Some(UserNid(*known)));
        }
        let found = find_user(&mut *self.conn().await?, user).await?;
        if let Some(number) = found {
            write(&self.interner().users).insert(user.to_owned(), number.0);
        }
        Ok(found)
    }

    /// The numbers of those of `users` that were ever seen, in no particular order.
    pub async fn find_user_nids(&self, users: &[&UserId]) -> Result<Vec<UserNid>> {
        let mut nids = Vec::with_capacity(users.len());
        let mut unknown = Vec::new();
        {
            let table = read(&self.interner().users);
            for user in users {
                match table.by_name.get(*user) {
                    Some(known) => nids.push(UserNid(*known)),
                    None => unknown.push(*user),
                }
            }
        }
        if !unknown.is_empty() {
            let mut conn = self.conn().await?;
            for list in lists(&unknown) {
                let sql = format!("select user_id, user_nid from users where user_id in ({})", marks(list.len()));
                let mut query = sqlx::query_as::<_, (UserIdColumn, i64)>(AssertSqlSafe(sql));
                for user in list {
                    query = query.bind(user.as_bytes());
                }
                for (name, number) in query.fetch_all(&mut *conn).await? {
                    write(&self.interner().users).insert(name.0, number);
                    nids.push(UserNid(number));
                }
            }
        }
        Ok(nids)
    }

    /// The user IDs of `users`, in their order.
    pub async fn user_ids(&self, users: &[UserNid]) -> Result<Vec<OwnedUserId>> {
        let numbers: Vec<i64> = users.iter().map(|user| user.0).collect();
        let mut names = read(&self.interner().users).names(&numbers);
        let unknown = unknown(&names, &numbers);
        if !unknown.is_empty() {
            let mut conn = self.conn().await?;
            let mut found = HashMap::new();
            for list in lists(&unknown) {
                let sql = format!("select user_nid, user_id from users where user_nid in ({})", marks(list.len()));
                let mut query = sqlx::query_as::<_, (i64, UserIdColumn)>(AssertSqlSafe(sql));
                for number in list {
                    query = query.bind(number);
                }
                let rows = query.fetch_all(&mut *conn).await?;
                found.extend(rows.into_iter().map(|(number, name)| (number, name.0)));
            }
            write(&self.interner().users).complete(&mut names, &numbers, found);
        }
        let names: Option<_> = names.into_iter().collect();
        names.ok_or_else(|| Error::internal("a user's number has vanished"))
    }

    /// The user ID of `user`.
    pub async fn user_id(&self, user: UserNid) -> Result<OwnedUserId> {
        self.user_ids(&[user]).await?.pop().ok_or_else(|| Error::internal("a user's number has vanished"))
    }

    /// The number of a pair of event type and state key, which is new if it was never seen.
    pub async fn intern_state_key(&self, kind: &str, state_key: &str) -> Result<StateKeyNid> {
        if let Some(known) = self.known_state_key(kind, state_key) {
            return Ok(known);
        }
        let mut conn = self.conn().await?;
        let number = match find_state_key(&mut conn, kind, state_key).await? {
            Some(number) => number,
            None => {
                let fresh = self.nids().take(&mut conn, Kind::StateKey, 1).await?;
                sqlx::query!(
                    "insert ignore into state_keys (state_key_nid, type, state_key) values (?, ?, ?)",
                    fresh,
                    kind,
                    state_key
                )
                .execute(&mut *conn)
                .await?;
                find_state_key(&mut conn, kind, state_key)
                    .await?
                    .ok_or_else(|| Error::internal("a state key's number has vanished"))?
            }
        };
        write(&self.interner().state_keys).insert((kind.to_owned(), state_key.to_owned()), number.0);
        Ok(number)
    }

    /// The number of a state key if it was ever seen by anyone.
    pub async fn find_state_key_nid(&self, kind: &str, state_key: &str) -> Result<Option<StateKeyNid>> {
        if let Some(known) = self.known_state_key(kind, state_key) {
            return Ok(Some(known));
        }
        let found = find_state_key(&mut *self.conn().await?, kind, state_key).await?;
        if let Some(number) = found {
            write(&self.interner().state_keys).insert((kind.to_owned(), state_key.to_owned()), number.0);
        }
        Ok(found)
    }

    /// The event types and state keys behind `numbers`, in their order.
    pub async fn state_keys(&self, numbers: &[StateKeyNid]) -> Result<Vec<StateKey>> {
        let numbers: Vec<i64> = numbers.iter().map(|number| number.0).collect();
        let mut names = read(&self.interner().state_keys).names(&numbers);
        let unknown = unknown(&names, &numbers);
        if !unknown.is_empty() {
            let mut conn = self.conn().await?;
            let mut found = HashMap::new();
            for list in lists(&unknown) {
                let sql = format!(
                    "select state_key_nid, type, state_key from state_keys where state_key_nid in ({})",
                    marks(list.len())
                );
                let mut query = sqlx::query_as::<_, (i64, Text, Text)>(AssertSqlSafe(sql));
                for number in list {
                    query = query.bind(number);
                }
                let rows = query.fetch_all(&mut *conn).await?;
                found.extend(rows.into_iter().map(|(number, kind, key)| (number, (kind.0, key.0))));
            }
            write(&self.interner().state_keys).complete(&mut names, &numbers, found);
        }
        let names: Option<_> = names.into_iter().collect();
        names.ok_or_else(|| Error::internal("a state key's number has vanished"))
    }

    fn known_state_key(&self, kind: &str, state_key: &str) -> Option<StateKeyNid> {
        let key = (kind.to_owned(), state_key.to_owned());
        read(&self.interner().state_keys).by_name.get(&key).copied().map(StateKeyNid)
    }
}

async fn find_user(conn: &mut Conn, user: &UserId) -> Result<Option<UserNid>> {
    let found = sqlx::query_scalar!("select user_nid from users where user_id = ?", user.as_str());
    Ok(found.fetch_optional(conn).await?.map(UserNid))
}

async fn find_state_key(conn: &mut Conn, kind: &str, state_key: &str) -> Result<Option<StateKeyNid>> {
    let found =
        sqlx::query_scalar!("select state_key_nid from state_keys where type = ? and state_key = ?", kind, state_key);
    Ok(found.fetch_optional(conn).await?.map(StateKeyNid))
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
