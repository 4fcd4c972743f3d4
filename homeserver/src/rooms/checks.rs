//! The authorisation rules, applied to events and states that are already loaded. Pure: no storage,
//! no waiting.

use std::{collections::HashMap, sync::Arc};

use ruma::{
    EventId,
    events::StateEventType,
    room_version_rules::AuthorizationRules,
    state_res::{check_state_dependent_auth_rules, check_state_independent_auth_rules},
};

use crate::event::Event;

/// Checks an event against the events it names as its authority, and against the creation event,
/// which from room version 12 on it need not name.
///
/// # Errors
///
/// A description of the rule that it violates.
pub fn against_auth_events(
    rules: &AuthorizationRules,
    event: &Arc<Event>,
    auth: &[Arc<Event>],
    create: Option<&Arc<Event>>,
) -> Result<(), String> {
    let by_id: HashMap<&EventId, &Arc<Event>> = auth.iter().chain(create).map(|event| (event.id(), event)).collect();
    check_state_independent_auth_rules(rules, event, |id| by_id.get(id).copied().cloned())?;
    against_state(rules, event, auth, create)
}

/// Checks an event against a state, of which `state` and `create` hold at least the events that the
/// specification selects for it.
///
/// # Errors
///
/// A description of the rule that it violates.
pub fn against_state(
    rules: &AuthorizationRules,
    event: &Arc<Event>,
    state: &[Arc<Event>],
    create: Option<&Arc<Event>>,
) -> Result<(), String> {
    let find = |kind: &StateEventType, state_key: &str| {
        let kind = kind.to_string();
        let stands_there =
            |event: &&Arc<Event>| event.state_key() == Some(state_key) && event.kind().to_string() == kind;
        state.iter().chain(create).find(stands_there).cloned()
    };
    check_state_dependent_auth_rules(rules, event, find)
}
