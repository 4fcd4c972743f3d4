//! Which events relate to which, the recently asked ones from memory, and whether a new event may
//! relate to another as it wants to.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use quick_cache::{
    Weighter,
    sync::{Cache, GuardResult},
};
use ruma::{EventId, OwnedEventId, UserId};

use super::{Rooms, draft::Wish};
use crate::{
    Error, Result,
    error::ErrorKind,
    event::{
        Event,
        relation::{Relation, rel_type},
    },
    storage::{
        Storage,
        numbers::{EventNid, Position, RoomNid, UserNid},
        relations::{self, Child, Part},
    },
};

/// At most so many bytes of relations are kept in memory, by [`Children::weight`].
const CACHE_BYTES: u64 = 8 << 20;
/// Roughly how many events' relations are kept in memory.
const CACHE_EVENTS: usize = (CACHE_BYTES / 250) as usize;
/// Edits of one event that are kept at hand: more than one only for readers who may not see the newest.
const EDITS: usize = 8;
/// References to one event that its readers are told of, at most.
const REFERENCES: usize = 1000;

/// What the server aggregates of the events that relate to one event.
#[derive(Clone, Debug, Default)]
pub(super) struct Children {
    /// Edits by the event's own sender, newest first.
    pub(super) edits: Vec<EventNid>,
    /// Events that refer to it, oldest first.
    pub(super) references: Vec<Reference>,
    /// The thread that begins with it, by who wrote in it; the newest first.
    pub(super) thread: Vec<Part>,
}

/// An event that refers to another.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) id: OwnedEventId,
    pub(super) sender: UserNid,
}

/// The relations of all rooms; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Relations {
    storage: Storage,
    children: Arc<Cache<OwnedEventId, Arc<Children>, Weight>>,
    claims: Arc<Mutex<HashSet<Annotation>>>,
}

/// What must not be said twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Annotation {
    room: RoomNid,
    target: OwnedEventId,
    sender: UserNid,
    kind: String,
    key: String,
}

/// The right to be the one who says it; held until it is said.
#[derive(Debug)]
pub(super) struct Claim {
    claims: Arc<Mutex<HashSet<Annotation>>>,
    annotation: Annotation,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.annotation);
    }
}

impl Children {
    fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.references.is_empty() && self.thread.is_empty()
    }

    /// Roughly the bytes it occupies in memory.
    fn weight(&self) -> u64 {
        let lists = 8 * self.edits.len() + 100 * (self.references.len() + self.thread.len());
        (200 + lists) as u64
    }
}

impl Relations {
    /// The relations in `storage`.
    pub(super) fn new(storage: Storage) -> Self {
        let children = Arc::new(Cache::with_weighter(CACHE_EVENTS, CACHE_BYTES, Weight));
        Self { storage, children, claims: Arc::default() }
    }

    /// What relates to those of `parents` to which anything does. Without a database if they were
    /// asked for before.
    pub(super) async fn children(&self, parents: &[Arc<Event>]) -> Result<HashMap<EventNid, Arc<Children>>> {
        let mut found = HashMap::new();
        let mut missing = Vec::new();
        for parent in parents.iter().filter(|event| may_have_children(event)) {
            // Where somebody else is reading the same, both do: waiting here could become a circle.
            match self.children.get_value_or_guard(parent.id(), Some(Duration::ZERO)) {
                GuardResult::Value(children) => drop(found.insert(parent.nid, children)),
                GuardResult::Guard(guard) => missing.push((parent, Some(guard))),
                GuardResult::Timeout => missing.push((parent, None)),
            }
        }
        if !missing.is_empty() {
            let parents: Vec<&Event> = missing.iter().map(|(parent, _)| &***parent).collect();
            let mut read = self.read(&parents, Position(i64::MAX)).await?;
            for (parent, guard) in missing {
                let children = Arc::new(read.remove(parent.id()).unwrap_or_default());
                if let Some(guard) = guard {
                    // It fails if something new has come meanwhile: then it is read again next time.
                    drop(guard.insert(children.clone()));
                }
                found.insert(parent.nid, children);
            }
        }
        found.retain(|_, children| !children.is_empty());
        Ok(found)
    }

    /// The same as it was at a position, for readers who may not know more.
    pub(super) async fn children_until(
        &self,
        parents: &[Arc<Event>],
        until: Position,
    ) -> Result<HashMap<EventNid, Arc<Children>>> {
        let parents: Vec<&Event> =
            parents.iter().filter(|event| may_have_children(event)).map(|event| &**event).collect();
        let mut read = self.read(&parents, until).await?;
        let known = parents.iter().filter_map(|parent| Some((parent.nid, Arc::new(read.remove(parent.id())?))));
        Ok(known.filter(|(_, children)| !children.is_empty()).collect())
    }

    /// Forgets what is known of the children of `parents`. Called while an event that relates to them,
    /// or the redaction of one, is published.
    pub(super) fn forget(&self, parents: &[OwnedEventId]) {
        for parent in parents {
            self.children.remove(parent);
        }
    }

    /// Forgets everything that is known.
    pub(super) fn forget_all(&self) {
        self.children.clear();
    }

    async fn read(&self, parents: &[&Event], until: Position) -> Result<HashMap<OwnedEventId, Children>> {
        let mut all: HashMap<OwnedEventId, Children> = HashMap::new();
        if parents.is_empty() {
            return Ok(all);
        }
        let mut rooms: HashMap<RoomNid, Vec<&EventId>> = HashMap::new();
        for parent in parents {
            rooms.entry(parent.room_nid).or_default().push(parent.id());
        }
        let (mut children, mut parts) = (Vec::new(), Vec::new());
        let mut conn = self.storage.conn().await?;
        for (room, ids) in &rooms {
            children.extend(relations::edits_and_references(&mut conn, *room, ids, until).await?);
            parts.extend(relations::thread_parts(&mut conn, *room, ids, until).await?);
        }
        drop(conn);
        let by_id: HashMap<&EventId, &Event> = parents.iter().map(|parent| (parent.id(), *parent)).collect();
        let mut edits: HashMap<OwnedEventId, Vec<Child>> = HashMap::new();
        for child in children {
            if child.rel_type == rel_type::REFERENCE {
                let references = &mut all.entry(child.parent).or_default().references;
                if references.len() < REFERENCES {
                    references.push(Reference { id: child.id, sender: child.sender });
                }
            } else if by_id.get(&*child.parent).is_some_and(|parent| is_edit(&child, parent)) {
                edits.entry(child.parent.clone()).or_default().push(child);
            }
        }
        for (parent, mut edits) in edits {
            edits.sort_by(|a, b| (b.origin_server_ts, &b.id).cmp(&(a.origin_server_ts, &a.id)));
            edits.truncate(EDITS);
            all.entry(parent).or_default().edits = edits.into_iter().map(|edit| edit.nid).collect();
        }
        for part in parts {
            all.entry(part.root.clone()).or_default().thread.push(part);
        }
        for children in all.values_mut() {
            children.thread.sort_by_key(|part| std::cmp::Reverse(part.position));
        }
        Ok(all)
    }

    fn claim(&self, annotation: Annotation) -> Option<Claim> {
        let is_new = self.claims.lock().unwrap_or_else(PoisonError::into_inner).insert(annotation.clone());
        is_new.then(|| Claim { claims: self.claims.clone(), annotation })
    }
}

impl Rooms {
    /// Refuses an event that relates to another as it must not. What is returned is to be held until
    /// the event is durable.
    pub(super) async fn may_relate(&self, sender: &UserId, room: RoomNid, wish: &Wish) -> Result<Option<Claim>> {
        let Some(relation) = Relation::of(&wish.content).filter(|_| wish.state_key.is_none()) else { return Ok(None) };
        let target = self.events.find(&relation.event_id).await?;
        if target.as_ref().is_some_and(|target| target.room_nid != room) {
            return Err(Error::unknown("An event cannot relate to one of another room."));
        }
        match &*relation.rel_type {
            // Client-server API, "Validation of m.thread relationships".
            rel_type::THREAD if target.is_some_and(|target| target.relation().is_some()) => {
                Err(Error::unknown("A thread cannot begin with an event that itself relates to another."))
            }
            rel_type::ANNOTATION => self.may_annotate(sender, room, wish, relation).await,
            _ => Ok(None),
        }
    }

    /// Client-server API, "Avoiding duplicate annotations".
    async fn may_annotate(
        &self,
        sender: &UserId,
        room: RoomNid,
        wish: &Wish,
        relation: Relation,
    ) -> Result<Option<Claim>> {
        let Some(key) = relation.key else { return Ok(None) };
        let duplicate = || Error::refused(ErrorKind::DuplicateAnnotation, "You have reacted to this event like this.");
        let sender = self.storage.intern_user(sender).await?;
        let annotation = Annotation { room, target: relation.event_id, sender, kind: wish.kind.to_string(), key };
        let Annotation { target, kind, key, .. } = annotation.clone();
        let claim = self.relations.claim(annotation).ok_or_else(duplicate)?;
        let mut conn = self.storage.conn().await?;
        if relations::has_annotation(&mut conn, room, &target, sender, &kind, &key).await? {
            return Err(duplicate());
        }
        Ok(Some(claim))
    }
}

/// Whether others may relate to the event in a way that is aggregated: not to state, and not to what is
/// a part of another event. Client-server API, "Aggregations of child events".
fn may_have_children(event: &Event) -> bool {
    event.state_key_nid.is_none()
        && event.relation().is_none_or(|relation| !relation.is(rel_type::REPLACE) && !relation.is(rel_type::ANNOTATION))
}

/// Whether `child` edits `parent`, as far as can be told without its content. Client-server API,
/// "Validity of replacement events".
fn is_edit(child: &Child, parent: &Event) -> bool {
    child.rel_type == rel_type::REPLACE
        && child.sender == parent.sender_nid
        && child.kind == parent.kind().to_string()
        && !child.is_state
}

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<OwnedEventId, Arc<Children>> for Weight {
    fn weight(&self, _: &OwnedEventId, children: &Arc<Children>) -> u64 {
        children.weight()
    }
}
