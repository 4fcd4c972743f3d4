//! Events by their numbers and IDs, the recently used ones from memory. Whoever asks for an event by
//! its ID has to check its room and the reader's permission.

use std::{collections::HashMap, sync::Arc, time::Duration};

use quick_cache::{
    Weighter,
    sync::{Cache, GuardResult},
};
use ruma::{EventId, OwnedEventId};

use crate::{
    Error, Result,
    event::{Circumstances, Event, Transaction, parse_stored},
    storage::{
        Storage,
        events::{self, StoredEvent},
        numbers::EventNid,
        together::Together,
    },
};

/// At most so many bytes of events are kept in memory, by [`Event::weight`].
const CACHE_BYTES: u64 = 48 << 20;
/// Roughly what an event weighs, in bytes.
const USUAL_WEIGHT: u64 = 2 << 10;
/// Roughly how many events are kept in memory.
const CACHE_EVENTS: usize = (CACHE_BYTES / USUAL_WEIGHT) as usize;

/// The events of all rooms; clones share them.
#[derive(Clone, Debug)]
pub struct Events {
    storage: Storage,
    by_nid: Arc<Cache<EventNid, Arc<Event>, Weight>>,
    nids: Arc<Cache<OwnedEventId, EventNid>>,
    reads: Arc<Together<EventNid, Arc<Event>>>,
}

/// An event that is not durable yet: it is forgotten when this is dropped, unless it is kept.
#[derive(Debug)]
#[must_use]
pub struct Expected {
    events: Events,
    event: Arc<Event>,
    is_kept: bool,
}

impl Expected {
    /// The event is durable, or somebody else expects it now.
    pub fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        if !self.is_kept {
            self.events.forget(&self.event);
        }
    }
}

impl Events {
    /// The events in `storage`.
    pub fn new(storage: Storage) -> Self {
        Self {
            storage,
            by_nid: Arc::new(Cache::with_weighter(CACHE_EVENTS, CACHE_BYTES, Weight)),
            nids: Arc::new(Cache::new(CACHE_EVENTS)),
            reads: Arc::default(),
        }
    }

    /// Loads an event.
    pub async fn load(&self, nid: EventNid) -> Result<Arc<Event>> {
        let read = self.reads.get(nid, |nids| async move {
            let events = self.read(&nids).await?;
            Ok(events.into_iter().map(|event| (event.nid, event)).collect())
        });
        self.by_nid.get_or_insert_async(&nid, read).await
    }

    /// Loads events, in the order of `nids`.
    pub async fn load_many(&self, nids: &[EventNid]) -> Result<Vec<Arc<Event>>> {
        let mut events: HashMap<EventNid, Arc<Event>> =
            nids.iter().filter_map(|nid| Some((*nid, self.by_nid.get(nid)?))).collect();
        let mut missing: Vec<EventNid> = nids.iter().filter(|nid| !events.contains_key(nid)).copied().collect();
        missing.sort_unstable();
        missing.dedup();
        for event in self.read(&missing).await? {
            events.insert(event.nid, self.keep(event));
        }
        nids.iter().map(|nid| events.get(nid).cloned().ok_or_else(vanished)).collect()
    }

    /// Finds an event by its ID, in whatever room.
    pub async fn find(&self, id: &EventId) -> Result<Option<Arc<Event>>> {
        if let Some(event) = self.known(id) {
            return Ok(Some(event));
        }
        let Some(stored) = events::find(&mut *self.storage.conn().await?, id).await? else { return Ok(None) };
        Ok(Some(self.keep(Arc::new(event(stored)?))))
    }

    /// Finds events by their IDs, in whatever rooms, in the order of `ids`.
    pub async fn find_many(&self, ids: &[OwnedEventId]) -> Result<Vec<Option<Arc<Event>>>> {
        let mut events: HashMap<OwnedEventId, Arc<Event>> =
            ids.iter().filter_map(|id| Some((id.clone(), self.known(id)?))).collect();
        let mut missing: Vec<OwnedEventId> = ids.iter().filter(|id| !events.contains_key(*id)).cloned().collect();
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            for stored in events::list_by_id(&mut *self.storage.conn().await?, &missing).await? {
                let event = self.keep(Arc::new(event(stored)?));
                events.insert(event.pdu.event_id.clone(), event);
            }
        }
        Ok(ids.iter().map(|id| events.get(id).cloned()).collect())
    }

    /// Keeps an event that was committed.
    pub fn remember(&self, event: Arc<Event>) {
        self.nids.insert(event.pdu.event_id.clone(), event.nid);
        self.by_nid.insert(event.nid, event);
    }

    /// Puts `event` in the place of an older form of it: before its redaction, or as an outlier.
    pub fn replace(&self, event: Arc<Event>) {
        self.remember(event);
    }

    /// Keeps an event that is about to be committed, so that others can build on it.
    pub fn expect(&self, event: Arc<Event>) -> Expected {
        self.remember(event.clone());
        Expected { events: self.clone(), event, is_kept: false }
    }

    /// Forgets an event that was deleted.
    pub fn forget_deleted(&self, nid: EventNid, id: &EventId) {
        self.nids.remove(id);
        self.by_nid.remove(&nid);
    }

    fn forget(&self, event: &Event) {
        self.nids.remove(event.id());
        self.by_nid.remove(&event.nid);
    }

    /// Takes up an event that was read elsewhere, unless a newer form of it is kept; returns the one
    /// to use.
    pub fn admit(&self, stored: StoredEvent) -> Result<Arc<Event>> {
        Ok(self.keep(Arc::new(event(stored)?)))
    }

    fn known(&self, id: &EventId) -> Option<Arc<Event>> {
        self.by_nid.get(&self.nids.get(id)?)
    }

    async fn read(&self, nids: &[EventNid]) -> Result<Vec<Arc<Event>>> {
        if nids.is_empty() {
            return Ok(Vec::new());
        }
        let stored = events::list(&mut *self.storage.conn().await?, nids).await?;
        stored.into_iter().map(|stored| Ok(Arc::new(event(stored)?))).collect()
    }

    /// Keeps an event that was read, unless it has been replaced since; returns the one to use.
    fn keep(&self, event: Arc<Event>) -> Arc<Event> {
        self.nids.insert(event.pdu.event_id.clone(), event.nid);
        match self.by_nid.get_value_or_guard(&event.nid, Some(Duration::ZERO)) {
            GuardResult::Value(kept) => return kept,
            // It fails if the event has been replaced in this moment: then that one stays.
            GuardResult::Guard(guard) => drop(guard.insert(event.clone())),
            // Somebody else is reading it, and will keep it.
            GuardResult::Timeout => {}
        }
        event
    }
}

/// Makes an event of what is stored of it.
fn event(stored: StoredEvent) -> Result<Event> {
    let circumstances = Circumstances {
        nid: stored.nid,
        room_nid: stored.room,
        sender_nid: stored.sender,
        state_key_nid: stored.state_key,
        flags: stored.flags,
        snapshot: stored.snapshot,
        transaction: stored.transaction.map(|(device_id, txn_id)| Transaction { device_id, txn_id }),
        unsigned: stored.unsigned,
        position: stored.position,
    };
    Ok(Event::new(parse_stored(stored.json, stored.id, stored.room_id)?, circumstances))
}

fn vanished() -> Error {
    Error::internal("an event has vanished")
}

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<EventNid, Arc<Event>> for Weight {
    fn weight(&self, _: &EventNid, event: &Arc<Event>) -> u64 {
        event.weight() as u64
    }
}

#[cfg(test)]
mod tests;
