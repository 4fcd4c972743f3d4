//! Random histories of a room against a plain map, in memory and in a database.

use std::collections::{BTreeMap, HashMap};

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;
use crate::{
    rooms::testing::TestStorage,
    storage::{log::rows::Rows as LogRows, snapshots::Entry},
};

const ROOM: RoomNid = RoomNid(7);

/// The rows of a room, as a database would have them.
#[derive(Default)]
struct Rows(HashMap<SnapshotNid, SnapshotRow>);

impl Rows {
    fn add(&mut self, row: SnapshotRow) {
        assert_eq!(row.room, ROOM);
        assert!(self.0.insert(row.nid, row).is_none());
    }

    /// Reads a state from its rows alone, and says how many they were.
    fn read(&self, nid: SnapshotNid) -> (BTreeMap<StateKeyNid, EventNid>, usize) {
        let row = &self.0[&nid];
        let (mut map, rows) = match row.parent {
            Some(parent) => {
                assert!(self.0[&parent].level < row.level);
                self.read(parent)
            }
            None => (BTreeMap::new(), 0),
        };
        for entry in snapshots::unpack(&row.entries) {
            match entry.unwrap() {
                (key, Some(event)) => map.insert(key, event),
                (key, None) => map.remove(&key),
            };
        }
        (map, rows + 1)
    }

    fn bytes(&self) -> usize {
        self.0.values().map(|row| row.entries.len()).sum()
    }
}

fn plain(snapshot: &Snapshot) -> BTreeMap<StateKeyNid, EventNid> {
    snapshot.map.iter().map(|(key, event)| (*key, *event)).collect()
}

#[test]
fn any_history_is_read_back_from_at_most_three_rows() {
    for seed in 0..12 {
        let random = &mut StdRng::seed_from_u64(seed);
        let keys = random.random_range(2..600);
        let mut rows = Rows::default();
        let (mut snapshot, row) = Snapshots::first(ROOM, SnapshotNid(1), StateMap::new());
        rows.add(row);
        let mut expected = BTreeMap::new();
        for step in 2..400 {
            let nid = SnapshotNid(step);
            let mut changes = BTreeMap::new();
            let most = if random.random_ratio(1, 20) { 200 } else { 3 };
            for _ in 0..random.random_range(1..=most) {
                let event = random.random_ratio(9, 10).then(|| EventNid(random.random_range(1..1 << 40)));
                changes.insert(StateKeyNid(random.random_range(1..keys)), event);
            }
            for (key, event) in &changes {
                match event {
                    Some(event) => expected.insert(*key, *event),
                    None => expected.remove(key),
                };
            }

            let changes: Vec<Entry> = changes.into_iter().collect();
            let (next, row) = if random.random() {
                Snapshots::derive(&snapshot, nid, &changes)
            } else {
                Snapshots::store(&snapshot, nid, expected.iter().map(|(key, event)| (*key, *event)).collect())
            };
            rows.add(row);
            snapshot = next;

            let (read, count) = rows.read(nid);
            assert_eq!(read, expected, "seed {seed}, step {step}");
            assert_eq!(plain(&snapshot), expected, "seed {seed}, step {step}");
            assert!(count <= 3);
        }
    }
}

#[test]
fn states_may_branch_from_any_earlier_one() {
    let random = &mut StdRng::seed_from_u64(1);
    let mut rows = Rows::default();
    let (first, row) = Snapshots::first(ROOM, SnapshotNid(0), StateMap::new());
    rows.add(row);
    let mut known = vec![first];

    for step in 1..1000 {
        let from = &known[random.random_range(0..known.len())];
        let change = (StateKeyNid(random.random_range(0..50)), Some(EventNid(step)));
        let (next, row) = Snapshots::derive(from, SnapshotNid(step), &[change]);
        rows.add(row);
        known.push(next);
    }

    for snapshot in &known {
        assert_eq!(rows.read(snapshot.nid).0, plain(snapshot));
    }
}

#[test]
fn a_new_room_costs_few_bytes() {
    let mut rows = Rows::default();
    let create = (StateKeyNid(1), EventNid(1_000_001));
    let (mut snapshot, row) = Snapshots::first(ROOM, SnapshotNid(1), StateMap::unit(create.0, create.1));
    rows.add(row);

    for step in 2..=10 {
        // Everyone uses the same keys for names and rules, but has a member of their own.
        let key = StateKeyNid(if step == 2 { 300_000 } else { step });
        (snapshot, _) = {
            let (next, row) =
                Snapshots::derive(&snapshot, SnapshotNid(step), &[(key, Some(EventNid(1_000_000 + step)))]);
            rows.add(row.clone());
            (next, row)
        };
    }

    assert_eq!(rows.0.values().filter(|row| row.level == Level::Root as i8).count(), 1 + 1);
    assert!(rows.bytes() < 200, "{} bytes", rows.bytes());
}

#[test]
fn a_change_in_a_large_room_costs_little() {
    let random = &mut StdRng::seed_from_u64(1);
    let members = 20_000;
    let map = (1..=members).map(|number| (StateKeyNid(number), EventNid(number))).collect();
    let (mut snapshot, _) = Snapshots::first(ROOM, SnapshotNid(0), map);
    let mut rows = Rows::default();

    let steps = 5000;
    for step in 1..=steps {
        let change = (StateKeyNid(random.random_range(1..=members)), Some(EventNid(members + 10 * step)));
        let (next, row) = Snapshots::derive(&snapshot, SnapshotNid(step), &[change]);
        rows.add(row);
        snapshot = next;
    }

    let each = rows.bytes() / usize::try_from(steps).unwrap();
    assert!(each < 400, "{each} bytes");
}

#[tokio::test]
async fn states_are_loaded_from_the_database_whole_and_by_entry() {
    let test = TestStorage::start().await;
    let random = &mut StdRng::seed_from_u64(1);
    let map = (1..=300).map(|number| (StateKeyNid(number), EventNid(number))).collect();
    let (first, row) = Snapshots::first(ROOM, SnapshotNid(1), map);
    let (mut rows, mut known) = (vec![row], vec![first]);
    for step in 2..300 {
        let key = StateKeyNid(random.random_range(1..400));
        let event = random.random_ratio(9, 10).then_some(EventNid(1000 + step));
        let (next, row) = Snapshots::derive(&known[known.len() - 1], SnapshotNid(step), &[(key, event)]);
        rows.push(row);
        known.push(next);
    }
    let levels = |level| rows.iter().filter(|row| row.level == level as i8).count();
    assert!(levels(Level::Root) > 1 && levels(Level::Middle) > 5 && levels(Level::Leaf) > 200);

    test.write(LogRows { snapshots: rows, ..LogRows::default() }).await;

    for snapshot in known.iter().step_by(7) {
        let snapshots = Snapshots::new(test.storage.clone());
        for key in (1..400).step_by(13).map(StateKeyNid) {
            let entry = snapshots.entry(snapshot.nid, key).await.unwrap();
            assert_eq!(entry, snapshot.map.get(&key).copied());
        }
        let loaded = snapshots.load(snapshot.nid).await.unwrap();
        assert_eq!(loaded.map, snapshot.map);
        // It is continued as the one in memory is.
        let change = [(StateKeyNid(5), Some(EventNid(5000)))];
        let row = Snapshots::derive(&loaded, SnapshotNid(9999), &change).1;
        let expected = Snapshots::derive(snapshot, SnapshotNid(9999), &change).1;
        assert_eq!((row.parent, row.level, row.entries), (expected.parent, expected.level, expected.entries));
    }
}

#[tokio::test]
async fn a_state_that_is_not_stored_is_an_error() {
    let test = TestStorage::start().await;
    let snapshots = Snapshots::new(test.storage.clone());

    assert!(snapshots.load(SnapshotNid(5)).await.is_err());
    assert!(snapshots.entry(SnapshotNid(5), StateKeyNid(1)).await.is_err());
}

#[tokio::test]
async fn a_remembered_state_needs_no_database() {
    let test = TestStorage::start().await;
    let snapshots = Snapshots::new(test.storage.clone());
    let (snapshot, _) = Snapshots::first(ROOM, SnapshotNid(5), StateMap::unit(StateKeyNid(1), EventNid(2)));

    snapshots.remember(&snapshot);

    assert_eq!(snapshots.load(SnapshotNid(5)).await.unwrap().map, snapshot.map);
}
