//! Where states differ.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use imbl::ordmap::DiffItem;

use super::{StateKeyNid, StateMap};
use crate::storage::numbers::EventNid;

/// States that differ: what is the same in all of them, and what is not.
#[derive(Clone, Debug)]
pub(super) struct Conflict {
    /// The unconflicted state map.
    pub unconflicted: StateMap,
    /// What each state has at the keys where not all have the same.
    pub sides: Vec<BTreeMap<StateKeyNid, EventNid>>,
}

impl Conflict {
    /// Compares states; they are one if they are all the same.
    pub(super) fn between(states: &[StateMap]) -> Result<StateMap, Self> {
        let Some((first, others)) = states.split_first() else { return Ok(StateMap::new()) };
        // Where states have a history in common, this looks only at what is not.
        let keys: BTreeSet<StateKeyNid> = others.iter().flat_map(|other| first.diff(other)).map(key).collect();
        let mut unconflicted = first.clone();
        if keys.is_empty() {
            return Ok(unconflicted);
        }
        for key in &keys {
            unconflicted.remove(key);
        }
        let side = |state: &StateMap| keys.iter().filter_map(|key| Some((*key, *state.get(key)?))).collect();
        Err(Self { unconflicted, sides: states.iter().map(side).collect() })
    }

    /// The same, if a state that has nothing at a key does not dispute what others have there.
    pub(super) fn without_absences(self) -> Self {
        let Self { mut unconflicted, mut sides } = self;
        for (key, events) in candidates(&sides) {
            if let [event] = events[..] {
                unconflicted.insert(key, event);
                for side in &mut sides {
                    side.remove(&key);
                }
            }
        }
        Self { unconflicted, sides }
    }

    /// The events that compete for each key.
    pub(super) fn candidates(&self) -> BTreeMap<StateKeyNid, Vec<EventNid>> {
        candidates(&self.sides)
    }

    /// The conflicted events of each state.
    pub(super) fn events_by_side(&self) -> Vec<Vec<EventNid>> {
        self.sides.iter().map(|side| side.values().copied().collect()).collect()
    }

    /// The conflicted state set: all events that compete with others or with nothing.
    pub(super) fn events(&self) -> Vec<EventNid> {
        let events: HashSet<EventNid> = self.sides.iter().flat_map(BTreeMap::values).copied().collect();
        events.into_iter().collect()
    }
}

fn candidates(sides: &[BTreeMap<StateKeyNid, EventNid>]) -> BTreeMap<StateKeyNid, Vec<EventNid>> {
    let mut candidates: BTreeMap<StateKeyNid, Vec<EventNid>> = BTreeMap::new();
    for (key, event) in sides.iter().flatten() {
        let events = candidates.entry(*key).or_default();
        if !events.contains(event) {
            events.push(*event);
        }
    }
    candidates
}

fn key(item: DiffItem<'_, '_, StateKeyNid, EventNid>) -> StateKeyNid {
    match item {
        DiffItem::Add(key, _) | DiffItem::Remove(key, _) | DiffItem::Update { new: (key, _), .. } => *key,
    }
}
