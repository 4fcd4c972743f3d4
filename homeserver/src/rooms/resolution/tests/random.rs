//! Random histories, resolved here and by ruma with everything it asks for.

use std::collections::{HashMap, HashSet};

use rand::{Rng, SeedableRng, rngs::StdRng};
use ruma::{OwnedEventId, RoomVersionId, state_res};
use serde_json::json;

use super::{
    super::{StateMap, key_of},
    room::{ALICE, BOB, Branch, CHARLIE, TestRoom},
    stored::StoredRoom,
};
use crate::storage::numbers::{EventNid, RoomNid};

const USERS: [&str; 5] = [ALICE, BOB, CHARLIE, "@dave:test.local", "@eve:test.local"];

const VERSIONS: [RoomVersionId; 4] = [RoomVersionId::V2, RoomVersionId::V6, RoomVersionId::V11, RoomVersionId::V12];

#[test]
fn random_histories_resolve_as_ruma_resolves_them_with_all_there_is() {
    let mut differing = 0;
    for seed in 0..24 {
        for version in VERSIONS {
            let random = &mut StdRng::seed_from_u64(seed);
            let (mut room, start) = TestRoom::public(version.clone());
            let mut branches = vec![start];
            for step in 0..60 {
                if let Some(meeting) = random_step(random, &mut room, &mut branches, step) {
                    let refs: Vec<&Branch> = meeting.iter().collect();
                    let state = branches[0].state.clone();
                    assert_eq!(state, plainly_resolved(&room, &refs), "{version:?}, seed {seed}, step {step}");
                    differing += usize::from(refs.iter().all(|branch| branch.state != state));
                }
            }
        }
    }
    assert!(differing > 100, "too few of the resolutions had something to decide: {differing}");
}

#[tokio::test]
async fn random_histories_in_a_database_resolve_as_those_in_memory() {
    for version in [RoomVersionId::V1].into_iter().chain(VERSIONS) {
        let stored = StoredRoom::start().await;
        let mut room = TestRoom::new(version.clone());
        stored.number(&mut room, keys()).await;
        let random = &mut StdRng::seed_from_u64(7);
        let mut branches = vec![room.open()];
        for step in 0..200 {
            let Some(meeting) = random_step(random, &mut room, &mut branches, step) else { continue };
            stored.write_news(&room).await;
            let states = meeting.iter().map(|branch| branch.state.clone()).collect();

            let state = stored.resolver().resolve(&room.rules, RoomNid(1), states).await.unwrap();

            assert_eq!(state, branches[0].state, "{version:?}, step {step}");
        }
    }
}

#[tokio::test]
async fn events_on_their_way_to_the_disk_are_resolved_too() {
    let stored = StoredRoom::start().await;
    let mut room = TestRoom::new(RoomVersionId::V12);
    stored.number(&mut room, keys()).await;
    let start = room.open();
    let promotion = room.levels(&[(BOB, 50), (CHARLIE, 50)]);
    let promoted = room.send(&start, BOB, "m.room.power_levels", "", promotion);
    stored.write_news(&room).await;
    let states = |one: &Branch, other: &Branch| vec![one.state.clone(), other.state.clone()];
    stored.resolver().resolve(&room.rules, RoomNid(1), states(&start, &promoted)).await.unwrap();

    let banned = room.member(&start, ALICE, BOB, "ban");
    let topic = room.topic(&promoted, CHARLIE, "Topic");
    let resolver = stored.resolver_ahead(&room);
    let state = resolver.resolve(&room.rules, RoomNid(1), states(&banned, &topic)).await.unwrap();

    assert_eq!(state, room.resolve(&[&banned, &topic]));
    assert_eq!(state, banned.state);
}

/// Appends an event to one of the branches, which may fork it. Returns the branches if they meet;
/// then one is left, with the state on which they agree.
fn random_step(
    random: &mut StdRng,
    room: &mut TestRoom,
    branches: &mut Vec<Branch>,
    step: usize,
) -> Option<Vec<Branch>> {
    let at = random.random_range(0..branches.len());
    let branch = branches[at].clone();
    if let Some(next) = random_event(random, room, &branch, step) {
        if random.random_ratio(1, 3) && branches.len() < 4 {
            branches.push(next);
        } else {
            branches[at] = next;
        }
    }
    if branches.len() == 1 || random.random_ratio(5, 6) {
        return None;
    }
    let meeting = std::mem::take(branches);
    let state = room.resolve(&meeting.iter().collect::<Vec<_>>());
    branches.push(Branch { state, last: meeting[0].last.clone() });
    Some(meeting)
}

/// An event that somebody may send; none if the first that came to mind is not allowed.
fn random_event(random: &mut StdRng, room: &mut TestRoom, branch: &Branch, step: usize) -> Option<Branch> {
    let sender = USERS[random.random_range(0..USERS.len())];
    let other = USERS[random.random_range(0..USERS.len())];
    // Clocks are not in step.
    room.time = random.random_range(1..20) * 1000;
    let result = match random.random_range(0..10) {
        0 | 1 => {
            let level = |random: &mut StdRng| random.random_range(0..3) * 50;
            let mut levels: Vec<_> = USERS[1..].iter().map(|user| (*user, level(random))).collect();
            levels.truncate(random.random_range(1..4));
            room.try_send(branch, sender, "m.room.power_levels", "", room.levels(&levels))
        }
        2 => {
            let rule = if random.random() { "public" } else { "invite" };
            room.try_send(branch, sender, "m.room.join_rules", "", json!({ "join_rule": rule }))
        }
        3 | 4 => {
            let membership = ["leave", "ban", "invite"][random.random_range(0..3)];
            room.try_send(branch, sender, "m.room.member", other, json!({ "membership": membership }))
        }
        5 | 6 => {
            let content = json!({ "membership": "join", "displayname": format!("in step {step}") });
            room.try_send(branch, sender, "m.room.member", sender, content)
        }
        _ => room.try_send(branch, sender, "m.room.topic", "", json!({ "topic": format!("in step {step}") })),
    };
    result.ok()
}

/// All that random events are about.
fn keys() -> impl Iterator<Item = (String, String)> {
    let kinds = ["create", "power_levels", "join_rules", "topic"];
    let rules = kinds.into_iter().map(|kind| (format!("m.room.{kind}"), String::new()));
    rules.chain(USERS.into_iter().map(|user| ("m.room.member".to_owned(), user.to_owned())))
}

/// The same by ruma, which is given whole states, whole auth chains and every event.
fn plainly_resolved(room: &TestRoom, branches: &[&Branch]) -> StateMap {
    let by_id: HashMap<&OwnedEventId, _> = room.events.iter().map(|event| (&event.pdu.event_id, event)).collect();
    let id = |nid: &EventNid| room.event(*nid).pdu.event_id.clone();
    let states: Vec<state_res::StateMap<OwnedEventId>> = branches
        .iter()
        .map(|branch| branch.state.values().map(|nid| (key_of(room.event(*nid)), id(nid))).collect())
        .collect();
    let chains =
        branches.iter().map(|branch| branch.state.values().flat_map(|nid| below(room, &id(nid))).collect()).collect();
    let resolved = state_res::resolve(
        &room.rules.authorization,
        room.rules.state_res.v2_rules().unwrap(),
        &states,
        chains,
        |id| by_id.get(&id.to_owned()).copied().cloned(),
        |conflicted| {
            let conflicted: HashSet<&OwnedEventId> = conflicted.values().flatten().collect();
            let under: HashSet<OwnedEventId> = conflicted.iter().flat_map(|id| below(room, id)).collect();
            let above = |id: &OwnedEventId| below(room, id).iter().any(|id| conflicted.contains(id));
            Some(under.into_iter().filter(above).collect())
        },
    );
    resolved.unwrap().into_values().map(|id| (by_id[&id].state_key_nid.unwrap(), by_id[&id].nid)).collect()
}

/// An event with its auth chain.
fn below(room: &TestRoom, id: &OwnedEventId) -> HashSet<OwnedEventId> {
    let mut found = HashSet::new();
    let mut open = vec![id.clone()];
    while let Some(id) = open.pop() {
        if found.insert(id.clone()) {
            let event = room.events.iter().find(|event| event.pdu.event_id == id).unwrap();
            open.extend(event.pdu.auth_events.iter().cloned());
        }
    }
    found
}
