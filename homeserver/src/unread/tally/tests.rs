//! Tests of what counts as unread.

use std::collections::BTreeMap;

use ruma::{OwnedEventId, owned_event_id};

use super::{MOST, Tally};
use crate::storage::numbers::Position;

fn root() -> OwnedEventId {
    owned_event_id!("$root")
}

/// Positions 1, 2 (in a thread), 3 (highlighted) and 4 (in the thread, highlighted).
fn tally() -> Tally {
    let mut tally = Tally::default();
    tally.add(Position(1), None, false);
    tally.add(Position(2), Some(root()), false);
    tally.add(Position(3), None, true);
    tally.add(Position(4), Some(root()), true);
    tally
}

/// Notifications and highlights in no thread, and in the thread.
fn numbers(tally: &Tally) -> ((u64, u64), (u64, u64)) {
    let counts = tally.counts();
    let of_thread = counts.threads.get(&root()).copied().unwrap_or_default();
    ((counts.notifications, counts.highlights), of_thread)
}

#[test]
fn threads_are_counted_apart() {
    assert_eq!(numbers(&tally()), ((2, 1), (2, 1)));
    assert_eq!(tally().counts().total(), (4, 2));
}

#[test]
fn an_unthreaded_receipt_covers_everything_before() {
    let mut tally = tally();

    tally.read("", Position(3));

    assert_eq!(numbers(&tally), ((0, 0), (1, 1)));
}

#[test]
fn a_threaded_receipt_covers_its_thread_only() {
    let mut tally = tally();

    tally.read("$root", Position(2));
    assert_eq!(numbers(&tally), ((2, 1), (1, 1)));

    tally.read("main", Position(4));
    assert_eq!(numbers(&tally), ((0, 0), (1, 1)));

    tally.read("$root", Position(4));
    assert_eq!(tally.counts().threads, BTreeMap::new());
}

#[test]
fn a_receipt_never_goes_back() {
    let mut tally = tally();

    tally.read("", Position(4));
    tally.read("", Position(1));
    tally.add(Position(3), None, false);

    assert_eq!(numbers(&tally), ((0, 0), (0, 0)));
}

#[test]
fn what_was_read_ahead_is_not_counted_later() {
    let mut tally = Tally::default();

    tally.read("$root", Position(2));
    tally.add(Position(1), None, false);
    tally.add(Position(2), Some(root()), false);

    assert_eq!(numbers(&tally), ((1, 0), (0, 0)));
}

#[test]
fn what_was_taken_back_is_not_counted() {
    let mut tally = tally();

    tally.forget(Position(3));

    assert_eq!(numbers(&tally), ((1, 0), (2, 1)));
}

#[test]
fn of_very_many_the_oldest_without_highlight_are_forgotten() {
    let mut tally = Tally::default();
    tally.add(Position(1), None, true);
    for position in 0..MOST {
        tally.add(Position(2).after(position), None, false);
    }

    let most = u64::try_from(MOST).expect("a small number");
    assert_eq!(numbers(&tally).0, (most, 1));
}

#[test]
fn a_stored_count_goes_on_where_it_stood() {
    let mut tally = tally();
    tally.reach(Position(9));

    let (position, content) = tally.save();
    let restored = Tally::restore(position, &content).expect("what was stored can be read");

    assert_eq!(restored.counted_to(), Position(9));
    assert_eq!(restored.counts(), tally.counts());
}
