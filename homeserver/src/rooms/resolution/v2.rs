//! The state resolution of room versions 2 and later, by ruma, with all that is large kept away
//! from it.

use std::collections::HashMap;

use ruma::{
    EventId, OwnedEventId,
    room_version_rules::{AuthorizationRules, StateResolutionV2Rules},
    state_res::{self, utils::event_id_set::EventIdSet},
};

use super::{AuthGraph, EventNid, StateMap, conflict::Conflict, key_of, known::Known};
use crate::{Error, Result};

/// What else than the conflicted events is in question.
#[derive(Debug)]
pub(super) struct Extent {
    /// The auth difference, with or without conflicted events.
    difference: Vec<EventNid>,
    /// Empty where the room version does without.
    subgraph: Vec<EventNid>,
}

impl Extent {
    /// For a `graph` that has the conflicted events; none if it takes the unconflicted ones, too.
    pub(super) fn of_most(tweaks: StateResolutionV2Rules, graph: &AuthGraph, conflict: &Conflict) -> Option<Self> {
        let common = conflict.unconflicted.values().copied();
        let is_plain = graph.is_difference_plain(common, &conflict.events_by_side());
        is_plain.then(|| Self { difference: Vec::new(), subgraph: subgraph(tweaks, graph, conflict) })
    }

    /// For a `graph` that has all events of the states.
    pub(super) fn of_all(tweaks: StateResolutionV2Rules, graph: &AuthGraph, conflict: &Conflict) -> Self {
        let common = conflict.unconflicted.values().copied();
        let difference = graph.difference(common, &conflict.events_by_side());
        Self { difference, subgraph: subgraph(tweaks, graph, conflict) }
    }

    /// The full conflicted set.
    pub(super) fn events(&self, conflict: &Conflict) -> Vec<EventNid> {
        let mut events = conflict.events();
        events.extend(&self.difference);
        events.extend(&self.subgraph);
        events.sort_unstable();
        events.dedup();
        events
    }
}

/// Resolves a conflict. `known` must have the full conflicted set, the unconflicted events that
/// authorise its events, and the auth events of all these with the power levels below them.
///
/// Of the unconflicted entries only those that are known are handed on. No others are looked at, and
/// those that ruma resolves again although nobody disputes them lose their result.
pub(super) fn resolve(
    rules: &AuthorizationRules,
    tweaks: StateResolutionV2Rules,
    conflict: &Conflict,
    extent: &Extent,
    known: &Known,
) -> Result<StateMap> {
    let undisputed: state_res::StateMap<OwnedEventId> =
        known.standing_in(&conflict.unconflicted).map(|event| (key_of(event), event.pdu.event_id.clone())).collect();
    let states: Vec<_> = conflict
        .sides
        .iter()
        .map(|side| {
            let mut state = undisputed.clone();
            let events = side.values().filter_map(|event| known.get(*event));
            state.extend(events.map(|event| (key_of(event), event.pdu.event_id.clone())));
            state
        })
        .collect();
    // All that is asked of the chains is what is in one of them and not in another.
    let chains = vec![ids(known, &extent.difference), EventIdSet::new()];

    let resolved = state_res::resolve(
        rules,
        &tweaks,
        &states,
        chains,
        |id: &EventId| known.find(id).cloned(),
        |_| Some(ids(known, &extent.subgraph)),
    )
    .map_err(|fault| Error::internal(format!("a state could not be resolved: {fault}")))?;
    Ok(with_undisputed(conflict, known, &resolved))
}

fn subgraph(tweaks: StateResolutionV2Rules, graph: &AuthGraph, conflict: &Conflict) -> Vec<EventNid> {
    if tweaks.consider_conflicted_state_subgraph { graph.subgraph(&conflict.events()) } else { Vec::new() }
}

fn ids(known: &Known, events: &[EventNid]) -> EventIdSet<OwnedEventId> {
    events.iter().filter_map(|event| known.get(*event)).map(|event| event.pdu.event_id.clone()).collect()
}

fn with_undisputed<K>(conflict: &Conflict, known: &Known, resolved: &HashMap<K, OwnedEventId>) -> StateMap {
    let mut state = conflict.unconflicted.clone();
    for event in resolved.values().filter_map(|id| known.find(id)) {
        if let Some(key) = event.state_key_nid
            && !conflict.unconflicted.contains_key(&key)
        {
            state.insert(key, event.nid);
        }
    }
    state
}
