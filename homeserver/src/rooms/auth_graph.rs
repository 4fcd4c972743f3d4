//! Which state events authorise which, as a graph of integers per room.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
    time::Duration,
};

use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle, EntryAction},
};

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
        loop {
            let graph = self.cache.get_or_insert_async(&room, self.read(room)).await?;
            let missing: HashSet<EventNid> = events.iter().filter(|event| !graph.knows(**event)).copied().collect();
            if missing.is_empty() {
                return Ok(graph);
            }
            let rows = self.read_missing(room, &graph, missing).await?;
            // Given up, so that the graph need not be copied in order to be changed.
            drop(graph);
            // Where the graph is no longer in the cache, the next round reads all of it.
            self.cache.entry(&room, Some(Duration::ZERO), |_, graph| {
                Arc::make_mut(graph).extend(rows);
                EntryAction::Retain(())
            });
        }
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

/// The place of an event in the graph.
type Place = u32;

/// The state events of one room, with edges to those that authorise them.
#[derive(Clone, Debug, Default)]
pub struct AuthGraph {
    places: HashMap<EventNid, Place, DefaultHashBuilder>,
    events: Vec<EventNid>,
    /// Where the edges of each event are.
    ranges: Vec<Range<u32>>,
    edges: Vec<Place>,
}

impl AuthGraph {
    /// Whether an event is in the graph.
    pub fn knows(&self, event: EventNid) -> bool {
        self.places.contains_key(&event)
    }

    /// The events that authorise `event`.
    pub fn auth(&self, event: EventNid) -> impl Iterator<Item = EventNid> {
        let place = self.places.get(&event);
        place.into_iter().flat_map(|place| self.edges_of(*place)).map(|place| self.event(*place))
    }

    /// All that `events` build upon, without these themselves unless one builds upon another.
    pub fn chain(&self, events: impl IntoIterator<Item = EventNid>) -> Vec<EventNid> {
        let mut marks = self.no_marks();
        let mut found = Vec::new();
        let starts = self.places_of(events).flat_map(|place| self.edges_of(place)).copied();
        self.walk(starts, |place| {
            let is_new = marks.set(place);
            if is_new {
                found.push(self.event(place));
            }
            is_new
        });
        found
    }

    /// The auth difference of several states: what some of them build upon, but not all. What they
    /// have in common is given once, as `common`; `sides` is what each has besides.
    ///
    /// Each state counts as a part of what it builds upon. The specification can be read otherwise,
    /// but servers agree on this, and it makes a difference only for events that are in all states.
    pub fn difference(&self, common: impl IntoIterator<Item = EventNid>, sides: &[Vec<EventNid>]) -> Vec<EventNid> {
        let mut marks = self.no_marks();
        self.walk(self.places_of(common), |place| marks.set(place));
        self.disputed(sides).into_iter().filter(|place| !marks.is_set(*place)).map(|place| self.event(place)).collect()
    }

    /// Whether it takes only a look at `common`, and not at all that it builds upon, to tell that the
    /// auth difference has nothing else than events of `sides` themselves. In most forks it does.
    pub fn is_difference_plain(&self, common: impl IntoIterator<Item = EventNid>, sides: &[Vec<EventNid>]) -> bool {
        let mut open: HashSet<EventNid> = self.disputed(sides).into_iter().map(|place| self.event(place)).collect();
        for event in sides.iter().flatten() {
            open.remove(event);
        }
        let mut seen = HashSet::new();
        for event in common {
            if open.is_empty() {
                break;
            }
            if open.contains(&event) {
                self.walk(self.places_of([event]), |place| {
                    open.remove(&self.event(place));
                    seen.insert(place)
                });
            }
        }
        open.is_empty()
    }

    /// What some of `sides` build upon, but not all, each counted as a part of what it builds upon.
    fn disputed(&self, sides: &[Vec<EventNid>]) -> Vec<Place> {
        // How many sides build upon an event, and which was the last that was counted.
        let mut counts: HashMap<Place, (usize, usize)> = HashMap::new();
        for (side, events) in sides.iter().enumerate() {
            self.walk(self.places_of(events.iter().copied()), |place| {
                let (count, last) = counts.entry(place).or_insert((0, usize::MAX));
                let is_new = *last != side;
                if is_new {
                    (*count, *last) = (*count + 1, side);
                }
                is_new
            });
        }
        counts.into_iter().filter(|(_, (count, _))| *count < sides.len()).map(|(place, _)| place).collect()
    }

    /// The conflicted state subgraph: everything on paths between any two of `events`, and these
    /// themselves.
    pub fn subgraph(&self, events: &[EventNid]) -> Vec<EventNid> {
        let mut below = HashSet::new();
        let mut reverse: HashMap<Place, Vec<Place>> = HashMap::new();
        self.walk(self.places_of(events.iter().copied()), |place| {
            let is_new = below.insert(place);
            if is_new {
                for edge in self.edges_of(place) {
                    reverse.entry(*edge).or_default().push(place);
                }
            }
            is_new
        });
        // All that was walked is below one of the events: what of it is above one, too?
        let mut found = HashSet::new();
        let mut open: Vec<Place> = self.places_of(events.iter().copied()).collect();
        while let Some(place) = open.pop() {
            if found.insert(place) {
                open.extend(reverse.get(&place).into_iter().flatten());
            }
        }
        found.into_iter().map(|place| self.event(place)).collect()
    }

    /// Adds events. What they refer to without being given here or earlier has no edges.
    pub fn extend(&mut self, rows: impl IntoIterator<Item = AuthRow>) {
        for row in rows {
            let place = self.place(row.event);
            if !self.edges_of(place).is_empty() {
                continue;
            }
            let start = self.edges.len();
            for event in row.auth {
                let edge = self.place(event);
                self.edges.push(edge);
            }
            self.ranges[place as usize] = narrow(start)..narrow(self.edges.len());
        }
    }

    /// Visits `starts`, and the edges of every event for which `visit` returns true.
    fn walk(&self, starts: impl IntoIterator<Item = Place>, mut visit: impl FnMut(Place) -> bool) {
        let mut open = Vec::new();
        for start in starts {
            open.push(start);
            while let Some(place) = open.pop() {
                if visit(place) {
                    open.extend_from_slice(self.edges_of(place));
                }
            }
        }
    }

    fn place(&mut self, event: EventNid) -> Place {
        *self.places.entry(event).or_insert_with(|| {
            self.events.push(event);
            self.ranges.push(0..0);
            narrow(self.events.len() - 1)
        })
    }

    fn places_of(&self, events: impl IntoIterator<Item = EventNid>) -> impl Iterator<Item = Place> {
        events.into_iter().filter_map(|event| self.places.get(&event).copied())
    }

    fn event(&self, place: Place) -> EventNid {
        self.events[place as usize]
    }

    fn edges_of(&self, place: Place) -> &[Place] {
        let range = &self.ranges[place as usize];
        &self.edges[range.start as usize..range.end as usize]
    }

    fn no_marks(&self) -> Marks {
        Marks(vec![0; self.events.len().div_ceil(64)])
    }

    /// Roughly the bytes it occupies in memory.
    fn weight(&self) -> u64 {
        (500 + 52 * self.events.len() + 4 * self.edges.len()) as u64
    }
}

fn narrow(length: usize) -> u32 {
    length.try_into().expect("a room has far fewer edges than u32 counts")
}

/// A set of places.
struct Marks(Vec<u64>);

impl Marks {
    /// Returns whether `place` was not in the set.
    fn set(&mut self, place: Place) -> bool {
        let is_new = !self.is_set(place);
        self.0[place as usize / 64] |= 1 << (place % 64);
        is_new
    }

    fn is_set(&self, place: Place) -> bool {
        self.0[place as usize / 64] & (1 << (place % 64)) != 0
    }
}

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<RoomNid, Arc<AuthGraph>> for Weight {
    fn weight(&self, _: &RoomNid, graph: &Arc<AuthGraph>) -> u64 {
        graph.weight()
    }
}

#[cfg(test)]
mod tests;
