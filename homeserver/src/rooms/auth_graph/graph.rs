//! Which state events of one room authorise which, as a graph of integers. Pure.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use quick_cache::DefaultHashBuilder;

use crate::storage::{auth_graph::AuthRow, numbers::EventNid};

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
    pub(super) fn weight(&self) -> u64 {
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

#[cfg(test)]
mod tests;
