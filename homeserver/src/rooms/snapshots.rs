//! The states of rooms, each stored as a difference to an earlier one.
//!
//! There are three levels. A *root* has every entry; a *middle* has what changed since its root; a
//! *leaf* has what changed since its middle, or since its root if there is no middle yet. So any
//! state is at most three rows, and a state event costs bytes in the order of the cube root of the
//! room's size.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use imbl::{OrdMap, ordmap::DiffItem};
use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};

use crate::{
    Error, Result,
    storage::{
        Storage,
        log::rows::SnapshotRow,
        numbers::{EventNid, RoomNid, SnapshotNid, StateKeyNid},
        snapshots::{self, Entry},
    },
};

/// A room's state: which event stands at which state key. Cheap to clone.
pub type StateMap = OrdMap<StateKeyNid, EventNid>;
/// What is different from another state; none where an entry was removed.
type Changes = OrdMap<StateKeyNid, Option<EventNid>>;

/// At most so many bytes of states are kept in memory, by [`Snapshot::weight`].
const CACHE_BYTES: u64 = 48 << 20;
/// Roughly how many states that is.
const CACHE_STATES: usize = 6000;

/// From so many bytes on it takes more than a millisecond to make a state of its packed entries.
const LARGE: usize = 16 << 10;

const ROOT: i8 = 0;
const MIDDLE: i8 = 1;
const LEAF: i8 = 2;

/// A stored state, with what is needed to store its successors as differences. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its number.
    pub nid: SnapshotNid,
    /// The whole state.
    pub map: StateMap,
    room: RoomNid,
    root: SnapshotNid,
    /// The root itself, if there is no middle.
    middle: SnapshotNid,
    /// From the root to the middle.
    over_root: Changes,
    /// From the middle to this state.
    over_middle: Changes,
}

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
            Some(parent) if row.level == LEAF => {
                let (changes, parent) = (unpack_changes(&row)?, self.load_base(parent).await?);
                Ok(parent.leaf(nid, changed(&parent.map, &changes), changes))
            }
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

    /// The first state of a room that has none yet, and the row that stores it.
    pub fn first(room: RoomNid, nid: SnapshotNid, map: StateMap) -> (Snapshot, SnapshotRow) {
        let row = SnapshotRow { nid, room, parent: None, level: ROOT, entries: snapshots::pack(whole(&map)) };
        (Snapshot::root(room, nid, map), row)
    }

    /// The successor of `from` after `changes`, in which none removes an entry, and the row that
    /// stores it.
    pub fn derive(
        from: &Snapshot,
        nid: SnapshotNid,
        changes: &[(StateKeyNid, Option<EventNid>)],
    ) -> (Snapshot, SnapshotRow) {
        from.followed_by(nid, changed(&from.map, changes.iter().map(|(key, event)| (key, event))), changes)
    }

    /// Any state `map` of the room of `near`, stored as a difference to it, and the row that stores
    /// it.
    pub fn store(near: &Snapshot, nid: SnapshotNid, map: StateMap) -> (Snapshot, SnapshotRow) {
        let changes = differences(&near.map, &map);
        near.followed_by(nid, map, &changes)
    }

    /// Keeps a state that was committed.
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
        let (room, nid) = (row.room, row.nid);
        if let Some(root) = row.parent {
            let (changes, root) = (unpack_changes(&row)?, self.load_base(root).await?);
            return Ok(root.middle(nid, changed(&root.map, &changes), changes));
        }
        let map = if row.entries.len() < LARGE {
            unpack_whole(&row)?
        } else {
            // It takes a while, and others should not have to wait for it.
            let unpacked = tokio::task::spawn_blocking(move || unpack_whole(&row)).await;
            unpacked.map_err(|fault| Error::internal(format!("unpacking a state has panicked: {fault}")))??
        };
        Ok(Snapshot::root(room, nid, map))
    }

    async fn find(&self, nid: SnapshotNid) -> Result<SnapshotRow> {
        let found = snapshots::find(&mut *self.storage.conn().await?, nid).await?;
        found.ok_or_else(|| Error::internal("a state has vanished"))
    }
}

impl Snapshot {
    /// The room it is a state of.
    pub fn room(&self) -> RoomNid {
        self.room
    }

    fn root(room: RoomNid, nid: SnapshotNid, map: StateMap) -> Self {
        Self { nid, map, room, root: nid, middle: nid, over_root: Changes::new(), over_middle: Changes::new() }
    }

    /// A state that is stored as a difference to this one's root.
    fn middle(&self, nid: SnapshotNid, map: StateMap, over_root: Changes) -> Self {
        Self { nid, map, room: self.room, root: self.root, middle: nid, over_root, over_middle: Changes::new() }
    }

    /// A state that is stored as a difference to this one's middle.
    fn leaf(&self, nid: SnapshotNid, map: StateMap, over_middle: Changes) -> Self {
        Self { nid, map, over_middle, ..self.clone() }
    }

    /// The state `map`, which is this one after `changes`, on the first level where it fits.
    fn followed_by(&self, nid: SnapshotNid, map: StateMap, changes: &[Entry]) -> (Self, SnapshotRow) {
        let limits = Limits::of(map.len());
        let room = self.room;
        let mut over_middle = self.over_middle.clone();
        over_middle.extend(changes.iter().copied());
        if over_middle.len() <= limits.leaf {
            let entries = snapshots::pack(over_middle.iter().map(|(key, event)| (*key, *event)));
            let row = SnapshotRow { nid, room, parent: Some(self.middle), level: LEAF, entries };
            return (self.leaf(nid, map, over_middle), row);
        }
        let mut over_root = self.over_root.clone();
        over_root.extend(over_middle);
        if over_root.len() <= limits.middle {
            let entries = snapshots::pack(over_root.iter().map(|(key, event)| (*key, *event)));
            let row = SnapshotRow { nid, room, parent: Some(self.root), level: MIDDLE, entries };
            return (self.middle(nid, map, over_root), row);
        }
        Snapshots::first(room, nid, map)
    }

    /// Roughly the bytes it occupies in memory, apart from what it shares with its parent.
    fn weight(&self) -> u64 {
        // A change copies the leaf of the tree that it is in.
        const ENTRY: usize = 40;
        const CHANGE: usize = 500;
        let whole = ENTRY * self.map.len();
        let own = if self.nid == self.root {
            whole
        } else if self.nid == self.middle {
            whole.min(CHANGE * self.over_root.len())
        } else {
            whole.min(CHANGE * self.over_middle.len())
        };
        (500 + own) as u64
    }
}

/// How many entries a leaf and a middle have at most.
///
/// With n entries in a root, a new middle every `leaf` changes and a new root every `middle` changes,
/// a change costs leaf/2 + middle/(2·leaf) + n/middle entries on average. That is least where
/// leaf = ∛2n and middle = leaf².
struct Limits {
    leaf: usize,
    middle: usize,
}

impl Limits {
    fn of(entries: usize) -> Self {
        // Below eight entries the row itself costs more than what is in it.
        let leaf = 8.max((2.0 * entries as f64).cbrt() as usize);
        // A middle that is nearly a root had better be one: what follows starts afresh.
        Self { leaf, middle: (leaf * leaf).min(entries / 2) }
    }
}

fn changed<'a>(map: &StateMap, changes: impl IntoIterator<Item = (&'a StateKeyNid, &'a Option<EventNid>)>) -> StateMap {
    let mut map = map.clone();
    for (key, event) in changes {
        match event {
            Some(event) => map.insert(*key, *event),
            None => map.remove(key),
        };
    }
    map
}

fn unpack_changes(row: &SnapshotRow) -> Result<Changes> {
    snapshots::unpack(&row.entries).collect()
}

fn unpack_whole(row: &SnapshotRow) -> Result<StateMap> {
    let entries = snapshots::unpack(&row.entries);
    entries.filter_map(|entry| entry.map(|(key, event)| Some((key, event?))).transpose()).collect()
}

fn whole(map: &StateMap) -> impl Iterator<Item = Entry> {
    map.iter().map(|(key, event)| (*key, Some(*event)))
}

/// What has to be changed in `old` to get `new`.
fn differences(old: &StateMap, new: &StateMap) -> Vec<Entry> {
    old.diff(new)
        .map(|item| match item {
            DiffItem::Add(key, event) | DiffItem::Update { new: (key, event), .. } => (*key, Some(*event)),
            DiffItem::Remove(key, _) => (*key, None),
        })
        .collect()
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
