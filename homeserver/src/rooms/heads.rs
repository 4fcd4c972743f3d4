//! The rooms in memory: where each ends, for the one who writes it, and as it is committed, for
//! those who read it.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use ruma::{OwnedEventId, OwnedRoomId, RoomId};
use tokio::sync::{Mutex, MutexGuard};

use super::{
    events::Events,
    snapshots::Snapshots,
    view::{KEY_TYPES, MemberChange, View},
};
use crate::{
    Error, Result,
    storage::{
        Storage,
        log::Broken,
        numbers::{EventNid, RoomNid},
        rooms::{self, StoredRoom},
    },
};

/// Rooms kept in memory, about.
const ROOMS: usize = 20_000;

/// An event that no other event follows yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extremity {
    /// Its number.
    pub nid: EventNid,
    /// Its depth.
    pub depth: i64,
    /// Its ID.
    pub id: OwnedEventId,
}

/// Where a room ends, with events that are on their way to the disk.
#[derive(Clone, Debug)]
pub struct Head {
    /// How often the room was written; 0 is a room that is not stored yet.
    pub version_no: i64,
    /// The room as it will be when everything queued is committed.
    pub view: Arc<View>,
    /// The ends of its graph.
    pub extremities: Vec<Extremity>,
    /// Set when something that this head builds upon could not be written.
    pub broken: Broken,
}

/// One room in memory.
#[derive(Debug)]
pub struct Room {
    /// The room's number.
    pub nid: RoomNid,
    /// Held by the one who writes, while they prepare an event; queued for in order.
    head: Mutex<Option<Head>>,
    committed: RwLock<Option<Arc<View>>>,
}

/// A room held for writing.
pub type HeldHead<'a> = MutexGuard<'a, Option<Head>>;

/// All rooms in memory.
#[derive(Clone, Debug)]
pub struct Heads {
    storage: Storage,
    events: Events,
    snapshots: Snapshots,
    rooms: Arc<RwLock<Index>>,
}

#[derive(Debug, Default)]
struct Index {
    by_id: HashMap<OwnedRoomId, RoomNid>,
    by_nid: HashMap<RoomNid, Arc<Room>>,
}

impl Room {
    fn new(nid: RoomNid) -> Self {
        Self { nid, head: Mutex::new(None), committed: RwLock::new(None) }
    }

    /// The room as it is committed, if it is in memory.
    pub fn committed(&self) -> Option<Arc<View>> {
        self.committed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows readers the room as it is committed now.
    pub fn commit(&self, view: Arc<View>) {
        *self.committed.write().unwrap_or_else(PoisonError::into_inner) = Some(view);
    }
}

impl Heads {
    /// No room yet.
    pub fn new(storage: Storage, events: Events, snapshots: Snapshots) -> Self {
        Self { storage, events, snapshots, rooms: Arc::default() }
    }

    /// The number of a room, if it was ever seen.
    pub async fn find_nid(&self, id: &RoomId) -> Result<Option<RoomNid>> {
        if let Some(known) = self.read().by_id.get(id) {
            return Ok(Some(*known));
        }
        let found = rooms::find_nid(&mut *self.storage.conn().await?, id).await?;
        if let Some(nid) = found {
            self.write().by_id.insert(id.to_owned(), nid);
        }
        Ok(found)
    }

    /// The place of a room in memory, whether or not it is loaded.
    pub fn room(&self, nid: RoomNid) -> Arc<Room> {
        if let Some(room) = self.read().by_nid.get(&nid) {
            return room.clone();
        }
        let mut index = self.write();
        if index.by_nid.len() >= ROOMS {
            forget_idle(&mut index);
        }
        index.by_nid.entry(nid).or_insert_with(|| Arc::new(Room::new(nid))).clone()
    }

    /// The rooms in memory, as they are committed.
    pub fn committed_views(&self) -> Vec<Arc<View>> {
        self.read().by_nid.values().filter_map(|room| room.committed()).collect()
    }

    /// Makes a place for a room that is about to be created.
    pub fn insert(&self, nid: RoomNid, id: OwnedRoomId) -> Arc<Room> {
        self.write().by_id.insert(id, nid);
        self.room(nid)
    }

    /// The room as it is committed.
    pub async fn view(&self, nid: RoomNid) -> Result<Option<Arc<View>>> {
        let room = self.room(nid);
        if let Some(view) = room.committed() {
            return Ok(Some(view));
        }
        // Whoever loads it holds the head, so that nothing is committed in between.
        let mut held = room.head.lock().await;
        if let Some(view) = room.committed() {
            return Ok(Some(view));
        }
        // What is held for writing may be ahead of what is committed, and is kept.
        let Some(head) = self.load(nid).await? else { return Ok(None) };
        room.commit(head.view.clone());
        let view = head.view.clone();
        held.get_or_insert(head);
        Ok(Some(view))
    }

    /// Drops what readers are shown: it is read again when it is needed.
    pub fn forget_committed(&self) {
        for room in self.read().by_nid.values() {
            *room.committed.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// Drops a room that was changed otherwise than by an event: it is read again when it is needed.
    pub async fn forget(&self, nid: RoomNid) {
        let room = self.room(nid);
        let mut held = room.head.lock().await;
        *held = None;
        *room.committed.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Holds `room` for writing, loading it if it is not in memory or what is in memory can no
    /// longer be built upon.
    pub async fn hold<'a>(&self, room: &'a Room) -> Result<HeldHead<'a>> {
        let mut held = room.head.lock().await;
        if held.as_ref().is_none_or(|head| head.broken.is_set()) {
            *held = None;
            let loaded = self.load(room.nid).await?;
            if let Some(head) = &loaded {
                room.commit(head.view.clone());
            }
            *held = loaded;
        }
        Ok(held)
    }

    async fn load(&self, nid: RoomNid) -> Result<Option<Head>> {
        let mut conn = self.storage.conn().await?;
        let Some(stored) = rooms::find(&mut conn, nid).await? else { return Ok(None) };
        let members = rooms::present_members(&mut conn, nid).await?;
        drop(conn);
        let extremities = unpack(&stored.extremities)?;
        let version_no = stored.version_no;
        let mut view = self.view_of(stored).await?;
        for member in members {
            let StoredChange(change) = member.into();
            view.set_member(change);
        }
        Ok(Some(Head { version_no, view: Arc::new(view), extremities, broken: Broken::default() }))
    }

    async fn view_of(&self, stored: StoredRoom) -> Result<View> {
        let rules = stored
            .version
            .rules()
            .ok_or_else(|| Error::internal(format!("room version {} has no rules", stored.version)))?;
        let snapshot = self.snapshots.load(stored.snapshot).await?;
        let mut view = View::new(stored.nid, stored.id, stored.version, rules, snapshot);
        for kind in KEY_TYPES {
            let Some(key) = self.storage.find_state_key_nid(kind, "").await? else { continue };
            if let Some(event) = view.snapshot.map.get(&key) {
                let event = self.events.load(*event).await?;
                view.set_key_event(kind, Some(&event));
            }
        }
        Ok(view)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Index> {
        self.rooms.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Index> {
        self.rooms.write().unwrap_or_else(PoisonError::into_inner)
    }
}

struct StoredChange(MemberChange);

impl From<rooms::StoredMember> for StoredChange {
    fn from(member: rooms::StoredMember) -> Self {
        Self(MemberChange { user: member.user, is_local: member.is_local, membership: Some(member.membership) })
    }
}

/// Drops the rooms that nobody holds; they are loaded again when they are needed. A room whose
/// events are on their way to the disk is held by their publication.
fn forget_idle(index: &mut Index) {
    index.by_nid.retain(|_, room| Arc::strong_count(room) > 1);
    let known: std::collections::HashSet<RoomNid> = index.by_nid.keys().copied().collect();
    index.by_id.retain(|_, nid| known.contains(nid));
}

/// Packs extremities for the column `room_heads.extremities`: number and depth as big-endian i64,
/// the length of the ID as one byte, the ID.
pub fn pack(extremities: &[Extremity]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(extremities.len() * 64);
    for extremity in extremities {
        packed.extend_from_slice(&extremity.nid.0.to_be_bytes());
        packed.extend_from_slice(&extremity.depth.to_be_bytes());
        packed.push(u8::try_from(extremity.id.as_bytes().len()).expect("event IDs have at most 255 bytes"));
        packed.extend_from_slice(extremity.id.as_bytes());
    }
    packed
}

fn unpack(packed: &[u8]) -> Result<Vec<Extremity>> {
    let corrupt = || Error::internal("room_heads.extremities is corrupt");
    let mut extremities = Vec::new();
    let mut rest = packed;
    while !rest.is_empty() {
        let (nid, tail) = rest.split_first_chunk::<8>().ok_or_else(corrupt)?;
        let (depth, tail) = tail.split_first_chunk::<8>().ok_or_else(corrupt)?;
        let (length, tail) = tail.split_first().ok_or_else(corrupt)?;
        let (id, tail) = tail.split_at_checked(usize::from(*length)).ok_or_else(corrupt)?;
        let id = std::str::from_utf8(id).ok().and_then(|id| OwnedEventId::try_from(id).ok()).ok_or_else(corrupt)?;
        extremities.push(Extremity { nid: EventNid(i64::from_be_bytes(*nid)), depth: i64::from_be_bytes(*depth), id });
        rest = tail;
    }
    Ok(extremities)
}
