//! What room version 12 does differently: the scenarios that led to it, as they end before and in
//! it. See "State resolution" of room version 12 and MSC4297.

use ruma::RoomVersionId;
use serde_json::json;

use super::room::{ALICE, BOB, Branch, CHARLIE, Special, TestRoom};

const DAVE: &str = "@dave:test.local";

/// The state of a server that has accepted only some of the events.
fn without(branch: &Branch, kept: &Branch, room: &TestRoom, kind: &str, state_key: &str) -> Branch {
    let old = room.at(&kept.state, kind, state_key).unwrap();
    Branch { last: branch.last.clone(), ..branch.clone().with(old) }
}

/// Alice closes the door and leaves. Then states of Bob's and of Charlie's server meet, each of which
/// has missed some of what happened, the first one's joins of the other included.
fn after_the_last_admin_left(version: RoomVersionId) -> (TestRoom, Branch, Branch, Branch) {
    let (mut room, open) = TestRoom::public(version);
    let closed = room.send(&open, ALICE, "m.room.join_rules", "", json!({ "join_rule": "invite" }));
    let left = room.member(&closed, ALICE, ALICE, "leave");
    let profile = |name: &str| json!({ "membership": "join", "displayname": name });
    let bob = room.send(&left, BOB, "m.room.member", BOB, profile("Bob!"));
    let charlie = room.send(&left, CHARLIE, "m.room.member", CHARLIE, profile("Charlie!"));
    let stale = without(&charlie, &open, &room, "m.room.join_rules", "");
    (room, closed, bob, stale)
}

#[test]
fn before_version_12_rules_of_somebody_who_left_may_be_lost() {
    let (room, _, bob, charlie) = after_the_last_admin_left(RoomVersionId::V11);

    let state = room.resolve(&[&bob, &charlie]);

    // Alice's leave is undisputed, and with it in force from the beginning, nothing of hers passes.
    assert_eq!(room.join_rule(&state), None);
}

#[test]
fn rules_of_somebody_who_left_stay_in_force() {
    let (room, closed, bob, charlie) = after_the_last_admin_left(RoomVersionId::V12);

    let state = room.resolve(&[&bob, &charlie]);

    assert_eq!(room.join_rule(&state), room.join_rule(&closed.state));
    assert_eq!(room.membership(&state, ALICE).unwrap(), "leave");
    assert_eq!(room.word(&state, "m.room.member", BOB, "displayname").unwrap(), "Bob!");
    assert_eq!(room.word(&state, "m.room.member", CHARLIE, "displayname").unwrap(), "Charlie!");
}

/// Alice makes Bob a moderator, Bob makes Charlie one. Dave's server has seen that; the state of
/// another has fallen back to the first power levels.
fn after_a_server_fell_back(version: RoomVersionId) -> (TestRoom, Branch, Branch) {
    let (mut room, start) = TestRoom::private(version);
    let levels = room.levels(&[]);
    let first = room.send(&start, ALICE, "m.room.power_levels", "", levels);
    let first = room.send(&first, ALICE, "m.room.join_rules", "", json!({ "join_rule": "public" }));
    let first = room.join(&first, BOB);
    let first = room.join(&first, CHARLIE);
    let levels = room.levels(&[(BOB, 50)]);
    let second = room.send(&first, ALICE, "m.room.power_levels", "", levels);
    let levels = room.levels(&[(BOB, 50), (CHARLIE, 50)]);
    let third = room.send(&second, BOB, "m.room.power_levels", "", levels);
    let dave = room.join(&third, DAVE);
    let eve = room.join(&third, "@eve:test.local");
    let fallen = without(&eve, &first, &room, "m.room.power_levels", "");
    (room, dave, fallen)
}

#[test]
fn before_version_12_power_levels_may_fall_back_to_the_first() {
    let (room, dave, fallen) = after_a_server_fell_back(RoomVersionId::V11);

    let state = room.resolve(&[&dave, &fallen]);

    // Bob's change is checked against the first levels, because those between are not in question.
    assert_eq!(levels(&room, &state), levels(&room, &fallen.state));
}

#[test]
fn power_levels_between_two_conflicting_ones_are_considered() {
    let (room, dave, fallen) = after_a_server_fell_back(RoomVersionId::V12);

    let state = room.resolve(&[&dave, &fallen]);

    assert_eq!(levels(&room, &state), levels(&room, &dave.state));
    assert_eq!(room.membership(&state, DAVE).unwrap(), "join");
    assert_eq!(room.membership(&state, "@eve:test.local").unwrap(), "join");
}

/// Charlie makes himself a moderator, which nobody allowed, and kicks Bob on the strength of that.
fn after_a_kick_by_an_usurper(is_rejected: bool) -> (TestRoom, Branch, Branch) {
    let (mut room, start) = TestRoom::public(RoomVersionId::V12);
    let levels = room.levels(&[(BOB, 50), (CHARLIE, 60)]);
    let special = Special { is_rejected, ..Special::default() };
    let usurped = room.make(&start, CHARLIE, "m.room.power_levels", "", levels, special);
    let members = [CHARLIE, BOB].map(|user| room.at(&start.state, "m.room.member", user).unwrap());
    let special = Special { auth: Some(members.into_iter().chain([usurped]).collect()), ..Special::default() };
    let kick = room.make(&start, CHARLIE, "m.room.member", BOB, json!({ "membership": "leave" }), special);
    let kicked = start.with(kick);
    (room, start, kicked)
}

#[test]
fn a_rejected_event_authorises_nothing() {
    let (room, start, kicked) = after_a_kick_by_an_usurper(true);
    assert_eq!(room.resolve(&[&start, &kicked]), start.state);

    // It is the rejection that makes the difference: auth events are not checked again.
    let (room, start, kicked) = after_a_kick_by_an_usurper(false);
    assert_eq!(room.resolve(&[&start, &kicked]), kicked.state);
}

fn levels(room: &TestRoom, state: &crate::rooms::snapshots::StateMap) -> String {
    room.at(state, "m.room.power_levels", "").unwrap().content().get().to_owned()
}
