//! The stored states of all rooms.

mod levels;

use std::{collections::HashMap, sync::Arc};

use futures_util::future::BoxFuture;
use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};

use self::levels::Level;
pub use self::levels::{Snapshot, StateMap};
use crate::{
    Error, Result,
    storage::{
        Storage,
        log::rows::SnapshotRow,
        numbers::{EventNid, RoomNid, SnapshotNid, StateKeyNid},
        snapshots,
    },
};

/// At most so many bytes of states are kept in memory, by [`Snapshot::weight`].
const CACHE_BYTES: u64 = 48 << 20;
/// Roughly how many states that is.
const CACHE_STATES: usize = 6000;
/// From so many bytes on it takes more than a millisecond to make a state of its packed entries.
const LARGE: usize = 16 << 10;

/// The states of all rooms; clones share them.
#[derive(Clone, Debug)]
pub struct Snapshots {
    storage: Storage,
    cache: Arc<Cache<SnapshotNid, Snapshot, Weight>>,
}

impl Snapshots {
    /// The states in `storage`.
    pub fn new(storage: Storage) -> Self {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(CACHE_STATES)
            .weight_capacity(CACHE_BYTES)
            // One, so that the state of a large room fits.
            .shards(1)
            .build()
            .expect("both capacities are given");
        let cache = Cache::with_options(options, Weight, DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self { storage, cache: Arc::new(cache) }
    }

    /// Loads a state, by at most three primary-key reads.
    pub async fn load(&self, nid: SnapshotNid) -> Result<Snapshot> {
        if let Some(known) = self.cache.get(&nid) {
            return Ok(known);
        }
        let row = self.find(nid).await?;
        match row.parent {
            // Leaves are many and soon made. What is kept of a room is what they are made from.
            Some(parent) if Level::of(&row)? == Level::Leaf => self.load_base(parent).await?.read_successor(&row),
            _ => self.cache.get_or_insert_async(&nid, self.base(row)).await,
        }
    }

    /// Which event stands at `key` in a state, without loading more of it than necessary.
    pub async fn entry(&self, nid: SnapshotNid, key: StateKeyNid) -> Result<Option<EventNid>> {
        let mut nid = nid;
        loop {
            if let Some(snapshot) = self.cache.get(&nid) {
                return Ok(snapshot.map.get(&key).copied());
            }
            let row = self.find(nid).await?;
            let Some(parent) = row.parent else {
                // A root is worth keeping: all that follows in its room is read against it.
                let root = self.cache.get_or_insert_async(&nid, self.base(row)).await?;
                return Ok(root.map.get(&key).copied());
            };
            if let Some(event) = find_packed(&row.entries, key)? {
                return Ok(event);
            }
            nid = parent;
        }
    }

    /// Which events stand at some keys in some states, by few reads however many states there are.
    pub async fn entries<const N: usize>(
        &self,
        nids: &[SnapshotNid],
        keys: [Option<StateKeyNid>; N],
    ) -> Result<HashMap<SnapshotNid, [Option<EventNid>; N]>> {
        let of = |state: &StateMap| keys.map(|key| key.and_then(|key| state.get(&key).copied()));
        let mut found = HashMap::new();
        let mut unknown = Vec::new();
        for nid in nids {
            match self.cache.get(nid) {
                Some(known) => drop(found.insert(*nid, of(&known.map))),
                None => unknown.push(*nid),
            }
        }
        if unknown.is_empty() {
            return Ok(found);
        }
        let rows = snapshots::list(&mut *self.storage.conn().await?, &unknown).await?;
        for row in rows {
            let Some(parent) = row.parent else {
                let nid = row.nid;
                let root = self.cache.get_or_insert_async(&nid, self.base(row)).await?;
                found.insert(nid, of(&root.map));
                continue;
            };
            let mut events = of(&self.load_base(parent).await?.map);
            for (event, key) in events.iter_mut().zip(keys) {
                if let Some(key) = key
                    && let Some(changed) = find_packed(&row.entries, key)?
                {
                    *event = changed;
                }
            }
            found.insert(row.nid, events);
        }
        Ok(found)
    }

    /// The first state of a room that has none yet, and the row that stores it.
    pub fn first(room: RoomNid, nid: SnapshotNid, map: StateMap) -> (Snapshot, SnapshotRow) {
        Snapshot::whole(room, nid, map)
    }

    /// The successor of `from` after `changes`, in which none removes an entry, and the row that
    /// stores it.
    pub fn derive(
        from: &Snapshot,
        nid: SnapshotNid,
        changes: &[(StateKeyNid, Option<EventNid>)],
    ) -> (Snapshot, SnapshotRow) {
        from.after(nid, changes)
    }

    /// Any state `map` of the room of `near`, and the row that stores it as a difference to that.
    pub fn store(near: &Snapshot, nid: SnapshotNid, map: StateMap) -> (Snapshot, SnapshotRow) {
        near.followed_by_any(nid, map)
    }

    /// Keeps a state that was committed, or is about to be.
    pub fn remember(&self, snapshot: &Snapshot) {
        self.cache.insert(snapshot.nid, snapshot.clone());
    }

    /// Loads a root or a middle. Boxed because a middle is loaded by loading its root.
    fn load_base(&self, nid: SnapshotNid) -> BoxFuture<'_, Result<Snapshot>> {
        let base = async move { self.base(self.find(nid).await?).await };
        Box::pin(async move { self.cache.get_or_insert_async(&nid, base).await })
    }

    /// Makes a root or a middle of its row.
    async fn base(&self, row: SnapshotRow) -> Result<Snapshot> {
        if let Some(root) = row.parent {
            return self.load_base(root).await?.read_successor(&row);
        }
        if row.entries.len() < LARGE {
            return Snapshot::read_whole(&row);
        }
        // It takes a while, and others should not have to wait for it.
        tokio::task::spawn_blocking(move || Snapshot::read_whole(&row))
            .await
            .map_err(|fault| Error::internal(format!("reading a state has panicked: {fault}")))?
    }

    async fn find(&self, nid: SnapshotNid) -> Result<SnapshotRow> {
        let found = snapshots::find(&mut *self.storage.conn().await?, nid).await?;
        found.ok_or_else(|| Error::internal("a state has vanished"))
    }
}

/// What packed changes say about `key`, if anything.
fn find_packed(entries: &[u8], key: StateKeyNid) -> Result<Option<Option<EventNid>>> {
    for entry in snapshots::unpack(entries) {
        let (found, event) = entry?;
        if found >= key {
            return Ok((found == key).then_some(event));
        }
    }
    Ok(None)
}

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<SnapshotNid, Snapshot> for Weight {
    fn weight(&self, _: &SnapshotNid, snapshot: &Snapshot) -> u64 {
        snapshot.weight()
    }
}

#[cfg(test)]
mod tests;
