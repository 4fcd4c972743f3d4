//! Tests of what follows from what devices and people say.

use ruma::user_id;

use super::{Person, State};
use crate::storage::{numbers::UserNid, presence::PresenceRow};

const NOW: i64 = 1_000_000_000;
const MINUTE: i64 = 60_000;
const PHONE: u64 = 1;
const LAPTOP: u64 = 2;

fn person() -> Person {
    let mut person = Person::new(user_id!("@alice:test.local"));
    person.know(None);
    person
}

/// What is shown at `now`: the state, and whether the person is active.
fn shown(person: &mut Person, now: i64) -> (State, bool) {
    person.conclude(now);
    (person.shown().state, person.shown().is_active)
}

#[test]
fn whoever_asks_for_news_is_there_until_they_stop() {
    let mut person = person();

    person.hear(PHONE, State::Online, NOW);

    assert_eq!(shown(&mut person, NOW), (State::Online, true));
    assert_eq!(shown(&mut person, NOW + MINUTE), (State::Offline, false));
}

#[test]
fn a_person_is_what_their_liveliest_device_is() {
    let mut person = person();

    person.hear(PHONE, State::Unavailable, NOW);
    assert_eq!(shown(&mut person, NOW).0, State::Unavailable);

    person.hear(LAPTOP, State::Online, NOW);
    person.hear(PHONE, State::Unavailable, NOW);
    assert_eq!(shown(&mut person, NOW).0, State::Online);

    person.hear(LAPTOP, State::Unavailable, NOW);
    assert_eq!(shown(&mut person, NOW).0, State::Unavailable);
}

#[test]
fn whoever_does_nothing_becomes_idle_until_they_do_something() {
    let mut person = person();
    for half_minute in 0..=10 {
        person.hear(PHONE, State::Online, NOW + half_minute * MINUTE / 2);
    }
    assert_eq!(shown(&mut person, NOW + MINUTE), (State::Online, false));
    assert_eq!(shown(&mut person, NOW + 5 * MINUTE), (State::Unavailable, false));

    person.act(NOW + 5 * MINUTE);

    assert_eq!(shown(&mut person, NOW + 5 * MINUTE), (State::Online, true));
}

#[test]
fn whoever_says_they_are_idle_stays_so_though_they_ask_for_news() {
    let mut person = person();
    person.hear(PHONE, State::Online, NOW);

    person.choose(PHONE, State::Unavailable, None, NOW);
    person.hear(PHONE, State::Online, NOW);
    assert_eq!(shown(&mut person, NOW).0, State::Unavailable);

    person.act(NOW);
    assert_eq!(shown(&mut person, NOW).0, State::Online);
}

#[test]
fn whoever_hides_stays_hidden_until_they_say_otherwise() {
    let mut person = person();

    person.choose(PHONE, State::Offline, Some("away"), NOW);
    person.hear(PHONE, State::Online, NOW);
    person.act(NOW);
    assert_eq!(shown(&mut person, NOW).0, State::Offline);
    assert!(person.row(UserNid(1)).is_hidden);

    person.choose(PHONE, State::Online, None, NOW);
    assert_eq!(shown(&mut person, NOW).0, State::Online);
    assert_eq!(person.shown().status_msg, None);
}

#[test]
fn nothing_is_shown_before_what_is_stored_is_known() {
    let mut person = Person::new(user_id!("@alice:test.local"));
    person.hear(PHONE, State::Online, NOW);
    assert_eq!(shown(&mut person, NOW).0, State::Offline);

    let stored = PresenceRow {
        user: UserNid(1),
        is_hidden: false,
        status_msg: Some("here".to_owned()),
        last_active_at: NOW - MINUTE,
    };
    person.know(Some(stored));

    assert_eq!(shown(&mut person, NOW).0, State::Online);
    assert_eq!(person.shown().status_msg.as_deref(), Some("here"));
    assert_eq!(person.last_active_at, NOW);
}

#[test]
fn conclusions_are_due_when_they_can_change() {
    let mut person = person();
    person.hear(PHONE, State::Online, NOW);
    person.act(NOW - MINUTE / 2);
    person.conclude(NOW);
    assert_eq!(person.due(NOW), NOW + MINUTE / 2);

    let gone = NOW + 10 * MINUTE;
    person.conclude(gone);
    assert!(person.due(gone) > gone);
    assert!(!person.is_long_gone(gone));
    assert!(person.is_long_gone(gone + 24 * 60 * MINUTE));
}
