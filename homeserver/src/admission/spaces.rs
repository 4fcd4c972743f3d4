//! Which rooms are in a space. That is asked for each message while there are rules about spaces, so it is
//! remembered until one of the spaces changes.

use std::{collections::HashSet, fmt, sync::Arc};

use quick_cache::sync::Cache;
use ruma::{OwnedRoomId, RoomId};
use serde::Deserialize;

use crate::{
    Result,
    clock::Clock,
    rooms::{Rooms, view::View},
    storage::numbers::{RoomNid, SnapshotNid},
};

/// So many rooms of a space are looked at.
const LARGEST: usize = 1000;
/// So many spaces are remembered.
const REMEMBERED: usize = 1000;
/// A space with rooms that this server does not know is looked at again after so long: they could turn
/// out to be spaces.
const FRESH_MS: i64 = 10_000;

/// The spaces; clones share what is remembered.
#[derive(Clone)]
pub(super) struct Spaces {
    rooms: Rooms,
    clock: Clock,
    known: Arc<Cache<OwnedRoomId, Arc<Tree>>>,
}

/// All rooms in a space, and those in the spaces in it.
#[derive(Debug, Default)]
struct Tree {
    rooms: HashSet<OwnedRoomId>,
    /// The spaces of which it consists, with the states that were looked at.
    spaces: Vec<(RoomNid, SnapshotNid)>,
    has_unknown: bool,
    read_at: i64,
}

/// What makes a child of a space one. Client-server API, "m.space.child".
#[derive(Deserialize)]
struct Child {
    via: Vec<String>,
}

impl fmt::Debug for Spaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spaces({} remembered)", self.known.len())
    }
}

impl Spaces {
    pub(super) fn new(rooms: Rooms, clock: Clock) -> Self {
        Self { rooms, clock, known: Arc::new(Cache::new(REMEMBERED)) }
    }

    /// Whether `space` has `room` in it, directly or in a space that it has in it.
    pub(super) async fn holds(&self, space: &RoomId, room: &RoomId) -> Result<bool> {
        if let Some(tree) = self.known.get(space)
            && self.is_current(&tree).await?
        {
            return Ok(tree.rooms.contains(room));
        }
        let tree = Arc::new(self.read(space).await?);
        self.known.insert(space.to_owned(), tree.clone());
        Ok(tree.rooms.contains(room))
    }

    async fn is_current(&self, tree: &Tree) -> Result<bool> {
        if (tree.has_unknown || tree.spaces.is_empty()) && self.clock.now_ms() - tree.read_at >= FRESH_MS {
            return Ok(false);
        }
        for (space, snapshot) in &tree.spaces {
            let view = self.rooms.find_by_nid(*space).await?;
            if view.is_none_or(|view| view.snapshot.nid != *snapshot) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn read(&self, space: &RoomId) -> Result<Tree> {
        let mut tree = Tree { read_at: self.clock.now_ms(), ..Tree::default() };
        let (mut ahead, mut seen) = (vec![space.to_owned()], HashSet::new());
        while let Some(room) = ahead.pop() {
            if seen.len() >= LARGEST || !seen.insert(room.clone()) {
                continue;
            }
            let Some(view) = self.rooms.find(&room).await? else {
                tree.has_unknown = true;
                continue;
            };
            if view.room_type().as_deref() != Some("m.space") {
                continue;
            }
            tree.spaces.push((view.nid, view.snapshot.nid));
            for child in self.children(&view).await? {
                tree.rooms.insert(child.clone());
                ahead.push(child);
            }
        }
        Ok(tree)
    }

    async fn children(&self, space: &View) -> Result<Vec<OwnedRoomId>> {
        let events = self.rooms.events_of_type(space.nid, "m.space.child").await?;
        let is_child = |content: Option<Child>| content.is_some_and(|child| !child.via.is_empty());
        let children = events.iter().filter(|event| is_child(event.content_as::<Child>()));
        Ok(children.filter_map(|event| OwnedRoomId::try_from(event.state_key()?).ok()).collect())
    }
}
