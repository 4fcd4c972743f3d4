//! The numbers of user IDs and state keys, remembered once they are known.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use ruma::{OwnedUserId, UserId};

use super::{
    Conn, Storage,
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

    /// The user IDs of `users`, in their order.
    pub async fn user_ids(&self, users: &[UserNid]) -> Result<Vec<OwnedUserId>> {
        let mut found: Vec<Option<OwnedUserId>> = {
            let table = read(&self.interner().users);
            users.iter().map(|user| table.by_number.get(&user.0).cloned()).collect()
        };
        if found.iter().any(Option::is_none) {
            let mut conn = self.conn().await?;
            for (slot, user) in found.iter_mut().zip(users) {
                if slot.is_none() {
                    let name = sqlx::query_scalar!(
                        "select user_id as `user_id: UserIdColumn` from users where user_nid = ?",
                        user.0
                    )
                    .fetch_one(&mut *conn)
                    .await?;
                    write(&self.interner().users).insert(name.0.clone(), user.0);
                    *slot = Some(name.0);
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
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
        let mut found: Vec<Option<StateKey>> = {
            let table = read(&self.interner().state_keys);
            numbers.iter().map(|number| table.by_number.get(&number.0).cloned()).collect()
        };
        if found.iter().any(Option::is_none) {
            let mut conn = self.conn().await?;
            for (slot, number) in found.iter_mut().zip(numbers) {
                if slot.is_none() {
                    let row = sqlx::query!(
                        "select type as `kind: Text`, state_key as `state_key: Text` from state_keys where state_key_nid = ?",
                        number.0
                    )
                    .fetch_one(&mut *conn)
                    .await?;
                    let key = (row.kind.0, row.state_key.0);
                    write(&self.interner().state_keys).insert(key.clone(), number.0);
                    *slot = Some(key);
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
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
