//! Room version 1, its flaws included.

use ruma::RoomVersionId;
use serde_json::json;
use sha1::{Digest, Sha1};

use super::room::{ALICE, BOB, Branch, CHARLIE, TestRoom};
use crate::rooms::snapshots::StateMap;

const DAVE: &str = "@dave:test.local";

fn room() -> (TestRoom, Branch) {
    TestRoom::public(RoomVersionId::V1)
}

/// Both orders must give the same.
fn resolve(room: &TestRoom, one: &Branch, other: &Branch) -> StateMap {
    let state = room.resolve(&[one, other]);
    assert_eq!(state, room.resolve(&[other, one]));
    state
}

#[test]
fn what_only_one_side_has_is_not_disputed() {
    let (mut room, start) = room();
    let topic = room.topic(&start, BOB, "Topic");
    let joined = room.join(&start, DAVE);

    let state = resolve(&room, &topic, &joined);

    assert_eq!(room.topic_in(&state).unwrap(), "Topic");
    assert_eq!(room.membership(&state, DAVE).unwrap(), "join");
    assert_eq!(state.len(), start.state.len() + 2);
}

#[test]
fn of_concurrent_topics_the_deeper_one_wins() {
    let (mut room, start) = room();
    let deeper = after_talk(&mut room, &start);
    let deeper = room.topic(&deeper, ALICE, "Deeper");
    room.time += 100_000;
    let later = room.topic(&start, BOB, "Later, but less deep");

    assert_eq!(room.topic_in(&resolve(&room, &deeper, &later)).unwrap(), "Deeper");
}

#[test]
fn of_equally_deep_topics_the_lower_hash_wins() {
    let (mut room, start) = room();
    for round in 0..8 {
        let one = room.topic(&start, ALICE, &format!("One {round}"));
        let other = room.topic(&start, ALICE, &format!("Other {round}"));
        let hash = |branch: &Branch| Sha1::digest(branch.last.as_ref().unwrap().id().as_bytes());
        let expected = if hash(&one) < hash(&other) { &one } else { &other };

        assert_eq!(resolve(&room, &one, &other), expected.state);
    }
}

#[test]
fn power_levels_are_followed_as_long_as_each_allows_the_next() {
    let (mut room, start) = room();
    let promotion = room.levels(&[(BOB, 50), (CHARLIE, 50)]);
    let by_bob = room.send(&start, BOB, "m.room.power_levels", "", promotion);
    let deeper = after_talk(&mut room, &start);
    let demotion = room.levels(&[]);
    let by_alice = room.send(&deeper, ALICE, "m.room.power_levels", "", demotion);

    // Bob's are lower and come first; Alice may change them.
    let state = resolve(&room, &by_bob, &by_alice);

    let levels = room.at(&state, "m.room.power_levels", "").unwrap();
    assert_eq!(levels.nid, by_alice.last.unwrap().nid);
}

#[test]
fn power_levels_that_are_not_allowed_after_lower_ones_end_the_row() {
    let (mut room, start) = room();
    let demotion = room.levels(&[]);
    let by_alice = room.send(&start, ALICE, "m.room.power_levels", "", demotion);
    let deeper = after_talk(&mut room, &start);
    let promotion = room.levels(&[(BOB, 50), (CHARLIE, 50)]);
    let by_bob = room.send(&deeper, BOB, "m.room.power_levels", "", promotion);

    // Alice's are lower and come first; Bob may not change them any more.
    let state = resolve(&room, &by_alice, &by_bob);

    let levels = room.at(&state, "m.room.power_levels", "").unwrap();
    assert_eq!(levels.nid, by_alice.last.unwrap().nid);
}

#[test]
fn a_ban_wins_over_a_new_profile_at_any_depth() {
    let (mut room, start) = room();
    let profile = json!({ "membership": "join", "displayname": "Charlie!" });
    let deeper = after_talk(&mut room, &start);
    for (at_ban, at_profile) in [(&start, &deeper), (&deeper, &start)] {
        let banned = room.member(at_ban, BOB, CHARLIE, "ban");
        let renamed = room.send(at_profile, CHARLIE, "m.room.member", CHARLIE, profile.clone());

        assert_eq!(room.membership(&resolve(&room, &banned, &renamed), CHARLIE).unwrap(), "ban");
    }
}

#[test]
fn a_join_rule_is_changed_by_whoever_may_after_power_levels_are_settled() {
    let (mut room, start) = room();
    let demotion = room.levels(&[]);
    let demoted = room.send(&start, ALICE, "m.room.power_levels", "", demotion);
    let closed = room.send(&start, BOB, "m.room.join_rules", "", json!({ "join_rule": "invite" }));

    let state = resolve(&room, &demoted, &closed);

    assert_eq!(room.join_rule(&state).unwrap(), "public");
}

#[test]
fn other_events_are_checked_against_the_settled_power_levels() {
    let (mut room, start) = room();
    let before = room.topic(&start, ALICE, "Before");
    let demotion = room.levels(&[]);
    let demoted = room.send(&before, ALICE, "m.room.power_levels", "", demotion);
    let meanwhile = after_talk(&mut room, &before);
    let meanwhile = room.topic(&meanwhile, BOB, "Meanwhile");

    let state = resolve(&room, &demoted, &meanwhile);

    assert_eq!(room.topic_in(&state).unwrap(), "Before");
}

#[test]
fn where_nothing_is_allowed_the_lowest_is_taken() {
    let (mut room, start) = room();
    let banned = room.member(&start, ALICE, BOB, "ban");
    let first = room.topic(&start, BOB, "First");
    let banned = banned.with(first.last.unwrap());
    let second = after_talk(&mut room, &start);
    let second = room.topic(&second, BOB, "Second");

    let state = resolve(&room, &banned, &second);

    assert_eq!(room.membership(&state, BOB).unwrap(), "ban");
    assert_eq!(room.topic_in(&state).unwrap(), "First");
}

/// A branch with the same state whose events will be deeper.
fn after_talk(room: &mut TestRoom, branch: &Branch) -> Branch {
    let talk = room.topic(branch, ALICE, "Talk");
    let more = room.topic(&talk, ALICE, "More talk");
    Branch { state: branch.state.clone(), last: more.last }
}
