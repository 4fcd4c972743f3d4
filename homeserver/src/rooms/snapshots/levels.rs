//! How a state is stored: whole, or as a difference to an earlier one. Pure.
//!
//! There are three levels. A *root* has every entry; a *middle* has what changed since its root; a
//! *leaf* has what changed since its middle, or since its root if there is no middle yet. So any
//! state is at most three rows, and a state event costs bytes in the order of the cube root of the
//! room's size.

use imbl::{OrdMap, ordmap::DiffItem};

use crate::{
    Error, Result,
    storage::{
        log::rows::SnapshotRow,
        numbers::{EventNid, RoomNid, SnapshotNid, StateKeyNid},
        snapshots::{self, Entry},
    },
};

/// A room's state: which event stands at which state key. Cheap to clone.
pub type StateMap = OrdMap<StateKeyNid, EventNid>;
/// What is different from another state; none where an entry was removed.
type Changes = OrdMap<StateKeyNid, Option<EventNid>>;

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

/// The column `state_snapshots.level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Root = 0,
    Middle = 1,
    Leaf = 2,
}

impl Snapshot {
    /// The room it is a state of.
    pub fn room(&self) -> RoomNid {
        self.room
    }

    /// A state that is stored whole, and the row that stores it.
    pub(super) fn whole(room: RoomNid, nid: SnapshotNid, map: StateMap) -> (Self, SnapshotRow) {
        let entries = snapshots::pack(map.iter().map(|(key, event)| (*key, Some(*event))));
        let row = SnapshotRow { nid, room, parent: None, level: Level::Root as i8, entries };
        (Self::root(room, nid, map), row)
    }

    /// This state after `changes`, and the row that stores it.
    pub(super) fn after(&self, nid: SnapshotNid, changes: &[Entry]) -> (Self, SnapshotRow) {
        self.followed_by(nid, changed(&self.map, changes), changes)
    }

    /// Another state of the room, and the row that stores it as a difference to this one.
    pub(super) fn followed_by_any(&self, nid: SnapshotNid, map: StateMap) -> (Self, SnapshotRow) {
        let changes = differences(&self.map, &map);
        self.followed_by(nid, map, &changes)
    }

    /// Reads a state that is stored whole.
    pub(super) fn read_whole(row: &SnapshotRow) -> Result<Self> {
        let entries = snapshots::unpack(&row.entries);
        let map = entries.filter_map(|entry| entry.map(|(key, event)| Some((key, event?))).transpose());
        Ok(Self::root(row.room, row.nid, map.collect::<Result<_>>()?))
    }

    /// Reads a state that is stored as a difference to this one.
    pub(super) fn read_successor(&self, row: &SnapshotRow) -> Result<Self> {
        let changes = snapshots::unpack(&row.entries).collect::<Result<Vec<Entry>>>()?;
        let map = changed(&self.map, &changes);
        let changes = changes.into_iter().collect();
        match Level::of(row)? {
            Level::Middle => Ok(self.middle(row.nid, map, changes)),
            Level::Leaf => Ok(self.leaf(row.nid, map, changes)),
            Level::Root => Err(Error::internal("a whole state has a parent")),
        }
    }

    /// Roughly the bytes it occupies in memory, apart from what it shares with its parent.
    pub(super) fn weight(&self) -> u64 {
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

    fn root(room: RoomNid, nid: SnapshotNid, map: StateMap) -> Self {
        Self { nid, map, room, root: nid, middle: nid, over_root: Changes::new(), over_middle: Changes::new() }
    }

    fn middle(&self, nid: SnapshotNid, map: StateMap, over_root: Changes) -> Self {
        Self { nid, map, room: self.room, root: self.root, middle: nid, over_root, over_middle: Changes::new() }
    }

    fn leaf(&self, nid: SnapshotNid, map: StateMap, over_middle: Changes) -> Self {
        Self { nid, map, over_middle, ..self.clone() }
    }

    /// The state `map`, which is this one after `changes`, on the lowest level where it fits.
    fn followed_by(&self, nid: SnapshotNid, map: StateMap, changes: &[Entry]) -> (Self, SnapshotRow) {
        let limits = Limits::of(map.len());
        let row = |parent, level, changes: &Changes| {
            let entries = snapshots::pack(changes.iter().map(|(key, event)| (*key, *event)));
            SnapshotRow { nid, room: self.room, parent: Some(parent), level: level as i8, entries }
        };
        let mut over_middle = self.over_middle.clone();
        over_middle.extend(changes.iter().copied());
        if over_middle.len() <= limits.leaf {
            let row = row(self.middle, Level::Leaf, &over_middle);
            return (self.leaf(nid, map, over_middle), row);
        }
        let mut over_root = self.over_root.clone();
        over_root.extend(over_middle);
        if over_root.len() <= limits.middle {
            let row = row(self.root, Level::Middle, &over_root);
            return (self.middle(nid, map, over_root), row);
        }
        Self::whole(self.room, nid, map)
    }
}

impl Level {
    pub(super) fn of(row: &SnapshotRow) -> Result<Self> {
        let level = [Self::Root, Self::Middle, Self::Leaf].into_iter().find(|level| *level as i8 == row.level);
        level.ok_or_else(|| Error::internal(format!("a state is stored on the unknown level {}", row.level)))
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

fn changed(map: &StateMap, changes: &[Entry]) -> StateMap {
    let mut map = map.clone();
    for (key, event) in changes {
        match event {
            Some(event) => map.insert(*key, *event),
            None => map.remove(key),
        };
    }
    map
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
