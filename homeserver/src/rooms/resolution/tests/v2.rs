//! Room versions 2 to 11. All but those on what is special about version 12 hold there, too.

use ruma::RoomVersionId;
use serde_json::json;

use super::room::{ALICE, BOB, Branch, CHARLIE, TestRoom};

const DAVE: &str = "@dave:test.local";

/// Runs a test in versions with the old and with the new forms of IDs and of resolution.
fn in_versions(test: impl Fn(TestRoom, Branch)) {
    for version in [RoomVersionId::V2, RoomVersionId::V6, RoomVersionId::V11, RoomVersionId::V12] {
        let (room, start) = TestRoom::public(version);
        test(room, start);
    }
}

/// Both orders must give the same.
fn resolve(room: &TestRoom, one: &Branch, other: &Branch) -> crate::rooms::snapshots::StateMap {
    let state = room.resolve(&[one, other]);
    assert_eq!(state, room.resolve(&[other, one]));
    state
}

#[test]
fn equal_states_are_their_own_resolution() {
    in_versions(|room, start| assert_eq!(resolve(&room, &start, &start), start.state));
}

#[test]
fn a_branch_that_only_adds_is_the_resolution() {
    in_versions(|mut room, start| {
        let later = room.topic(&start, BOB, "Later");

        assert_eq!(resolve(&room, &start, &later), later.state);
    });
}

#[test]
fn of_concurrent_topics_the_later_one_wins() {
    in_versions(|mut room, start| {
        room.time = 20_000;
        let later = room.topic(&start, BOB, "Sent later");
        room.time = 10_000;
        let earlier = room.topic(&start, ALICE, "Sent earlier");

        assert_eq!(resolve(&room, &later, &earlier), later.state);
    });
}

#[test]
fn a_topic_that_knows_of_newer_power_levels_wins() {
    in_versions(|mut room, start| {
        let levels = room.levels(&[(BOB, 50), (CHARLIE, 50)]);
        let promoted = room.send(&start, ALICE, "m.room.power_levels", "", levels);
        let informed = room.topic(&promoted, BOB, "Informed");
        let late = room.topic(&start, ALICE, "Late, but uninformed");

        assert_eq!(resolve(&room, &informed, &late), informed.state);
    });
}

#[test]
fn of_conflicting_power_levels_those_of_the_more_powerful_win() {
    in_versions(|mut room, start| {
        let levels = room.levels(&[(BOB, 50), (CHARLIE, 50)]);
        let by_bob = room.send(&start, BOB, "m.room.power_levels", "", levels);
        let levels = room.levels(&[]);
        let by_alice = room.send(&start, ALICE, "m.room.power_levels", "", levels);

        assert_eq!(resolve(&room, &by_bob, &by_alice), by_alice.state);
    });
}

#[test]
fn a_demotion_undoes_what_the_demoted_did_meanwhile() {
    in_versions(|mut room, start| {
        let before = room.topic(&start, ALICE, "Before");
        let levels = room.levels(&[]);
        let demoted = room.send(&before, ALICE, "m.room.power_levels", "", levels);
        let meanwhile = room.topic(&before, BOB, "Meanwhile");

        let state = resolve(&room, &demoted, &meanwhile);

        assert_eq!(room.topic_in(&state).unwrap(), "Before");
        assert_eq!(state, demoted.state);
    });
}

#[test]
fn a_ban_wins_over_a_new_profile() {
    in_versions(|mut room, start| {
        let banned = room.member(&start, BOB, CHARLIE, "ban");
        let profile = json!({ "membership": "join", "displayname": "Charlie!" });
        let renamed = room.send(&start, CHARLIE, "m.room.member", CHARLIE, profile);

        assert_eq!(resolve(&room, &banned, &renamed), banned.state);
    });
}

#[test]
fn a_ban_undoes_a_concurrent_change_of_power_levels_by_the_banned() {
    in_versions(|mut room, start| {
        let banned = room.member(&start, ALICE, BOB, "ban");
        let levels = room.levels(&[(BOB, 50), (CHARLIE, 50)]);
        let promoted = room.send(&start, BOB, "m.room.power_levels", "", levels);

        assert_eq!(resolve(&room, &banned, &promoted), banned.state);
    });
}

#[test]
fn a_ban_undoes_a_concurrent_topic_of_the_banned() {
    in_versions(|mut room, start| {
        let banned = room.member(&start, ALICE, BOB, "ban");
        let topic = room.topic(&start, BOB, "Long live Bob");

        let state = resolve(&room, &banned, &topic);

        assert_eq!(room.membership(&state, BOB).unwrap(), "ban");
        assert_eq!(room.topic_in(&state), None);
    });
}

#[test]
fn nobody_joins_past_a_closed_door() {
    in_versions(|mut room, start| {
        let closed = room.send(&start, ALICE, "m.room.join_rules", "", json!({ "join_rule": "invite" }));
        let joined = room.join(&start, DAVE);

        let state = resolve(&room, &closed, &joined);

        assert_eq!(room.join_rule(&state).unwrap(), "invite");
        assert_eq!(room.membership(&state, DAVE), None);
    });
}

#[test]
fn concurrent_joins_both_succeed() {
    in_versions(|mut room, start| {
        let dave = room.join(&start, DAVE);
        let eve = room.join(&start, "@eve:test.local");

        let state = resolve(&room, &dave, &eve);

        assert_eq!(state.len(), start.state.len() + 2);
    });
}

#[test]
fn three_branches_are_resolved_at_once() {
    in_versions(|mut room, start| {
        let banned = room.member(&start, ALICE, CHARLIE, "ban");
        let joined = room.join(&start, DAVE);

        let state = room.resolve(&[&banned, &joined, &start]);

        assert_eq!(room.membership(&state, CHARLIE).unwrap(), "ban");
        assert_eq!(room.membership(&state, DAVE).unwrap(), "join");
    });
}

#[test]
fn an_unban_survives_when_both_sides_know_of_it() {
    in_versions(|mut room, start| {
        let banned = room.member(&start, ALICE, CHARLIE, "ban");
        let unbanned = room.member(&banned, ALICE, CHARLIE, "leave");
        let rejoined = room.join(&unbanned, CHARLIE);
        let topic = room.topic(&unbanned, BOB, "Welcome back");

        let state = resolve(&room, &rejoined, &topic);

        assert_eq!(room.membership(&state, CHARLIE).unwrap(), "join");
        assert_eq!(room.topic_in(&state).unwrap(), "Welcome back");
    });
}

#[test]
fn a_ban_and_its_lifting_win_over_a_branch_that_missed_them() {
    in_versions(|mut room, start| {
        let banned = room.member(&start, ALICE, CHARLIE, "ban");
        let unbanned = room.member(&banned, ALICE, CHARLIE, "leave");
        let topic = room.topic(&start, BOB, "Unaware");

        let state = resolve(&room, &unbanned, &topic);

        assert_eq!(room.membership(&state, CHARLIE).unwrap(), "leave");
        assert_eq!(room.topic_in(&state).unwrap(), "Unaware");
    });
}
