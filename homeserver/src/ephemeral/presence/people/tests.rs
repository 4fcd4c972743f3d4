//! Tests of what of presence is news.

use std::collections::HashSet;

use ruma::{UserId, user_id};

use super::{People, Person, State};
use crate::storage::numbers::UserNid;

const ALICE: UserNid = UserNid(1);
const NOW: i64 = 1_000_000_000;
const MINUTE: i64 = 60_000;

fn alice() -> &'static UserId {
    user_id!("@alice:test.local")
}

/// Alice comes at [`NOW`], which is news number 1.
fn people() -> People {
    let mut people = People::default();
    let come = |person: &mut Person| {
        person.know(None);
        person.hear(1, State::Online, NOW);
    };
    people.change(ALICE, alice(), NOW, || 1, come);
    assert_eq!(people.take_news(), HashSet::from([ALICE]));
    people
}

fn changed(people: &People, since: u64) -> Vec<State> {
    people.changed_since(since).map(|(_, person)| person.shown().state).collect()
}

#[test]
fn to_stay_is_no_news() {
    let mut people = people();

    let stay = |person: &mut Person| person.hear(1, State::Online, NOW + 1);
    people.change(ALICE, alice(), NOW + 1, || unreachable!("nothing changes"), stay);

    assert!(people.take_news().is_empty());
    assert_eq!(changed(&people, 0), [State::Online]);
    assert_eq!(changed(&people, 1), []);
}

#[test]
fn to_rest_is_told_but_wakes_nobody() {
    let mut people = people();
    let stay = |person: &mut Person| person.hear(1, State::Online, NOW + MINUTE / 2);
    people.change(ALICE, alice(), NOW + MINUTE / 2, || unreachable!("nothing changes"), stay);

    people.look(NOW + MINUTE, || 2);

    assert!(people.take_news().is_empty());
    assert_eq!(changed(&people, 1), [State::Online]);
}

#[test]
fn to_go_is_noticed_by_itself() {
    let mut people = people();

    people.look(NOW + MINUTE - 1, || unreachable!("she is still there"));
    people.look(NOW + MINUTE, || 2);

    assert_eq!(people.take_news(), HashSet::from([ALICE]));
    assert_eq!(changed(&people, 1), [State::Offline]);
    assert_eq!(changed(&people, 0), []);
}

#[test]
fn to_come_back_is_noticed_though_she_was_to_be_looked_at_much_later() {
    let mut people = people();
    people.look(NOW + MINUTE, || 2);

    let later = NOW + 60 * MINUTE;
    people.change(ALICE, alice(), later, || 3, |person| person.hear(1, State::Online, later));

    people.look(later + MINUTE, || 4);

    assert_eq!(changed(&people, 3), [State::Offline]);
}

#[test]
fn those_long_gone_are_forgotten() {
    let mut people = people();
    people.look(NOW + MINUTE, || 2);
    people.take_unsaved();

    people.look(NOW + 48 * 60 * MINUTE, || unreachable!("nothing changes"));

    assert!(people.find(ALICE).is_none());
    assert_eq!(changed(&people, 1), []);
}
