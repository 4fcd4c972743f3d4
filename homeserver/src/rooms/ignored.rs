//! Whom each reader does not want to hear. Client-server API, "Ignoring Users".

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use quick_cache::sync::Cache;
use ruma::{OwnedUserId, UserId};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    Result,
    event::Event,
    storage::{
        Storage, account_data,
        numbers::{Position, UserNid},
    },
    tail::{Fact, Tail},
};

/// The type of the account data that lists them.
const KIND: &str = "m.ignored_user_list";
/// Readers whose lists are kept in memory.
const READERS: usize = 50_000;

/// The people that one reader ignores.
#[derive(Clone, Debug, Default)]
pub struct IgnoredUsers(Arc<HashSet<OwnedUserId>>);

/// The lists of all readers; clones share them. The log keeps them fresh.
#[derive(Clone, Debug)]
pub struct Ignored {
    storage: Storage,
    tail: Tail,
    lists: Arc<Cache<UserNid, List>>,
}

/// A list as it stood at a position.
#[derive(Clone, Debug)]
struct List {
    as_of: Position,
    users: IgnoredUsers,
}

impl IgnoredUsers {
    /// Whether the reader ignores nobody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the reader ignores `user`.
    pub fn contains(&self, user: &UserId) -> bool {
        self.0.contains(user)
    }

    /// Whether the reader is not to be sent the event: state is sent in any case.
    pub fn hide(&self, event: &Event) -> bool {
        !self.is_empty() && event.state_key_nid.is_none() && self.contains(event.sender())
    }

    /// Who they are.
    pub fn iter(&self) -> impl Iterator<Item = &UserId> {
        self.0.iter().map(|user| &**user)
    }

    /// Reads the account data. Nobody can ignore themselves.
    fn parse(content: &str, reader: &UserId) -> Self {
        #[derive(Deserialize)]
        struct Content {
            ignored_users: BTreeMap<String, serde::de::IgnoredAny>,
        }
        let Ok(content) = serde_json::from_str::<Content>(content) else { return Self::default() };
        let users = content.ignored_users.into_keys().filter_map(|user| OwnedUserId::try_from(user).ok());
        Self(Arc::new(users.filter(|user| user != reader).collect()))
    }
}

impl Ignored {
    /// The lists in `storage`, with what is new in `tail`.
    pub fn new(storage: Storage, tail: Tail) -> Self {
        Self { storage, tail, lists: Arc::new(Cache::new(READERS)) }
    }

    /// Whom `reader` ignores now.
    pub async fn by(&self, reader: UserNid) -> Result<IgnoredUsers> {
        if let Some(list) = self.lists.get(&reader)
            && let Some(list) = self.refreshed(reader, list).await?
        {
            return Ok(list.users);
        }
        // The head first: what is newer is found in the tail next time.
        let as_of = self.tail.view().head();
        let content = account_data::find(&mut *self.storage.conn().await?, reader, None, KIND).await?;
        let users = match content {
            Some(content) => IgnoredUsers::parse(&content, &*self.storage.user_id(reader).await?),
            None => IgnoredUsers::default(),
        };
        self.lists.insert(reader, List { as_of, users: users.clone() });
        Ok(users)
    }

    /// The list as it stands now; none if the tail does not reach back to when it was read.
    async fn refreshed(&self, reader: UserNid, list: List) -> Result<Option<List>> {
        let (head, newer) = {
            let view = self.tail.view();
            if !view.reaches(list.as_of) {
                return Ok(None);
            }
            let newer = view.user(reader, list.as_of).rev().find_map(|entry| match &entry.fact {
                Fact::AccountData(data) if data.room.is_none() && data.kind == KIND => Some(data.clone()),
                _ => None,
            });
            (view.head(), newer)
        };
        if head == list.as_of {
            return Ok(Some(list));
        }
        let users = match newer {
            Some(data) => self.parse(&data.content, reader).await?,
            None => list.users,
        };
        let list = List { as_of: head, users };
        self.lists.insert(reader, list.clone());
        Ok(Some(list))
    }

    async fn parse(&self, content: &RawValue, reader: UserNid) -> Result<IgnoredUsers> {
        Ok(IgnoredUsers::parse(content.get(), &*self.storage.user_id(reader).await?))
    }
}
