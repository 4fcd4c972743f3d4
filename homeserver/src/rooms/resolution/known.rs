//! The events that a resolution may look at, loaded before it begins.

use std::{collections::HashMap, sync::Arc};

use ruma::{EventId, OwnedEventId};

use super::{Event, EventNid, StateMap};

/// Events by number and by ID.
#[derive(Debug, Default)]
pub(super) struct Known {
    by_nid: HashMap<EventNid, Arc<Event>>,
    by_id: HashMap<OwnedEventId, Arc<Event>>,
}

impl Known {
    pub(super) fn new(events: impl IntoIterator<Item = Arc<Event>>) -> Self {
        let mut known = Self::default();
        known.extend(events);
        known
    }

    pub(super) fn extend(&mut self, events: impl IntoIterator<Item = Arc<Event>>) {
        for event in events {
            self.by_id.insert(event.pdu.event_id.clone(), event.clone());
            self.by_nid.insert(event.nid, event);
        }
    }

    pub(super) fn contains(&self, event: EventNid) -> bool {
        self.by_nid.contains_key(&event)
    }

    pub(super) fn events(&self) -> impl Iterator<Item = &Arc<Event>> {
        self.by_nid.values()
    }

    pub(super) fn get(&self, event: EventNid) -> Option<&Arc<Event>> {
        self.by_nid.get(&event)
    }

    pub(super) fn find(&self, id: &EventId) -> Option<&Arc<Event>> {
        self.by_id.get(id)
    }

    /// Those that stand in `state`.
    pub(super) fn standing_in<'a>(&'a self, state: &'a StateMap) -> impl Iterator<Item = &'a Arc<Event>> {
        self.events().filter(|event| event.state_key_nid.and_then(|key| state.get(&key)) == Some(&event.nid))
    }
}
