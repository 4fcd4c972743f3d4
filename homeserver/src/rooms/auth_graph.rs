//! The auth graphs of rooms: loaded when needed, extended as rooms grow.

mod graph;

use std::{collections::HashSet, sync::Arc, time::Duration};

use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle, EntryAction, EntryResult},
};

pub use self::graph::AuthGraph;
use super::events::Events;
use crate::{
    Result,
    storage::{
        Storage,
        auth_graph::{self, AuthRow},
        numbers::{EventNid, RoomNid},
    },
};

/// At most so many bytes of graphs are kept in memory, by [`AuthGraph::weight`].
const CACHE_BYTES: u64 = 32 << 20;
/// Roughly how many graphs that is.
const CACHE_GRAPHS: usize = 2000;

/// The graphs of all rooms; clones share them.
#[derive(Clone, Debug)]
pub struct AuthGraphs {
    storage: Storage,
    events: Events,
    cache: Arc<Cache<RoomNid, Arc<AuthGraph>, Weight>>,
}

impl AuthGraphs {
    /// The graphs in `storage`.
    pub fn new(storage: Storage, events: Events) -> Self {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(CACHE_GRAPHS)
            .weight_capacity(CACHE_BYTES)
            // One, so that the graph of a large room fits.
            .shards(1)
            .build()
            .expect("both capacities are given");
        let cache = Cache::with_options(options, Weight, DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self { storage, events, cache: Arc::new(cache) }
    }

    /// The graph of `room`, which contains `events` and all that they build upon. These are state
    /// events of that room, and at least known to [`Events`].
    pub async fn with(&self, room: RoomNid, events: &[EventNid]) -> Result<Arc<AuthGraph>> {
        let graph = self.cache.get_or_insert_async(&room, self.read(room)).await?;
        let missing: HashSet<EventNid> = events.iter().filter(|event| !graph.knows(**event)).copied().collect();
        if missing.is_empty() {
            return Ok(graph);
        }
        let mut rows = self.read_missing(room, &graph, missing).await?;
        // Given up, so that the graph need not be copied in order to be changed.
        drop(graph);
        let extended = self.cache.entry(&room, Some(Duration::ZERO), |_, graph| {
            Arc::make_mut(graph).extend(std::mem::take(&mut rows));
            EntryAction::Retain(graph.clone())
        });
        match extended {
            EntryResult::Retained(graph) => return Ok(graph),
            // It is not kept any more.
            vacant => drop(vacant),
        }
        let mut graph = Arc::unwrap_or_clone(self.read(room).await?);
        graph.extend(rows);
        Ok(Arc::new(graph))
    }

    async fn read(&self, room: RoomNid) -> Result<Arc<AuthGraph>> {
        let rows = auth_graph::list(&mut *self.storage.conn().await?, room).await?;
        let mut graph = AuthGraph::default();
        graph.extend(rows);
        Ok(Arc::new(graph))
    }

    /// Reads the rows of `missing` and of all that they build upon and `graph` does not know.
    async fn read_missing(&self, room: RoomNid, graph: &AuthGraph, missing: HashSet<EventNid>) -> Result<Vec<AuthRow>> {
        let mut seen = missing.clone();
        let mut rows = self.read_some(room, Vec::from_iter(missing)).await?;
        let mut start = 0;
        while start < rows.len() {
            let auth = rows[start..].iter().flat_map(|row| &row.auth).copied();
            let next = auth.filter(|event| !graph.knows(*event) && seen.insert(*event)).collect();
            start = rows.len();
            rows.extend(self.read_some(room, next).await?);
        }
        Ok(rows)
    }

    async fn read_some(&self, room: RoomNid, events: Vec<EventNid>) -> Result<Vec<AuthRow>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let mut rows = auth_graph::list_some(&mut *self.storage.conn().await?, room, &events).await?;
        if rows.len() < events.len() {
            // Some are on their way to the disk.
            let found: HashSet<EventNid> = rows.iter().map(|row| row.event).collect();
            for event in events.into_iter().filter(|event| !found.contains(event)) {
                let auth = &self.events.load(event).await?.pdu.auth_events;
                let auth = self.events.find_many(auth).await?;
                rows.push(AuthRow { event, auth: auth.iter().flatten().map(|event| event.nid).collect() });
            }
        }
        Ok(rows)
    }
}

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<RoomNid, Arc<AuthGraph>> for Weight {
    fn weight(&self, _: &RoomNid, graph: &Arc<AuthGraph>) -> u64 {
        graph.weight()
    }
}
