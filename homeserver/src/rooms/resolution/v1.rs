//! The state resolution of room version 1.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use ruma::{
    events::{StateEventType, TimelineEventType},
    room_version_rules::AuthorizationRules,
    state_res::check_state_dependent_auth_rules,
};
use sha1::{Digest, Sha1};

use super::{Event, StateMap, conflict::Conflict, key_of, known::Known};

/// The state so far, as far as it is needed to check events.
type State = HashMap<(StateEventType, String), Arc<Event>>;

/// Resolves a conflict as the specification of room version 1 says in "State resolution".
///
/// Where that leaves a choice, it is made as in the server that the text describes: entries of one
/// kind are resolved independently of each other, and where no candidate is allowed, the lowest one
/// is taken.
pub(super) fn resolve(rules: &AuthorizationRules, conflict: &Conflict, known: &Known) -> StateMap {
    let mut state: State =
        known.standing_in(&conflict.unconflicted).map(|event| (key_of(event), event.clone())).collect();
    let mut open: Vec<Vec<Arc<Event>>> = conflict
        .candidates()
        .into_values()
        .map(|events| from_lowest(events.into_iter().filter_map(|event| known.get(event).cloned()).collect()))
        .filter(|candidates: &Vec<_>| !candidates.is_empty())
        .collect();
    let mut resolved = conflict.unconflicted.clone();
    let mut settle = |state: &mut State, winners: Vec<Arc<Event>>| {
        for winner in winners {
            if let Some(key) = winner.state_key_nid {
                resolved.insert(key, winner.nid);
            }
            state.insert(key_of(&winner), winner);
        }
    };

    for kind in [TimelineEventType::RoomPowerLevels, TimelineEventType::RoomJoinRules, TimelineEventType::RoomMember] {
        let of_kind = open.extract_if(.., |candidates| *candidates[0].kind() == kind);
        let winners = of_kind.map(|candidates| last_of_allowed_row(rules, &state, candidates)).collect();
        settle(&mut state, winners);
    }
    let winners = open.into_iter().map(|candidates| highest_allowed(rules, &state, candidates)).collect();
    settle(&mut state, winners);
    resolved
}

/// Sorts by ascending depth, then descending SHA-1 of the event ID.
fn from_lowest(mut events: Vec<Arc<Event>>) -> Vec<Arc<Event>> {
    events.sort_by_cached_key(|event| (event.pdu.depth, Reverse(Sha1::digest(event.id().as_bytes()))));
    events
}

/// Goes up from the lowest of `candidates` as long as each is allowed after the one before it.
fn last_of_allowed_row(rules: &AuthorizationRules, state: &State, candidates: Vec<Arc<Event>>) -> Arc<Event> {
    let mut candidates = candidates.into_iter();
    let mut last = candidates.next().expect("only keys with candidates are resolved");
    for candidate in candidates {
        if !is_allowed(rules, state, Some(&last), &candidate) {
            break;
        }
        last = candidate;
    }
    last
}

/// The highest of `candidates` that is allowed, or the lowest if none is.
fn highest_allowed(rules: &AuthorizationRules, state: &State, candidates: Vec<Arc<Event>>) -> Arc<Event> {
    let allowed = candidates.iter().rev().find(|candidate| is_allowed(rules, state, None, candidate));
    allowed.unwrap_or(&candidates[0]).clone()
}

/// Whether `event` is allowed in `state`, in which `last` stands at the event's own key.
fn is_allowed(rules: &AuthorizationRules, state: &State, last: Option<&Arc<Event>>, event: &Arc<Event>) -> bool {
    check_state_dependent_auth_rules(rules, event, |kind, state_key| {
        let key = (kind.clone(), state_key.to_owned());
        last.filter(|last| key_of(last) == key).or_else(|| state.get(&key))
    })
    .is_ok()
}
