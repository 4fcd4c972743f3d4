//! The newest facts in memory, indexed by room and by user, so that an incremental `/sync` needs no
//! database. Holds what is committed and nothing else.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use ruma::{OwnedDeviceId, OwnedEventId};
use serde_json::value::RawValue;

use crate::{
    bus::Bus,
    event::Event,
    storage::{
        log::Readers,
        numbers::{EventNid, Position, RoomNid, UserNid},
    },
};

/// The log whose facts come into the tail.
pub type Log = crate::storage::log::Log<Inner>;
/// Facts that become true together.
pub type Job = crate::storage::log::Job<Inner>;

/// At most so many facts are kept.
const FACTS: usize = 100_000;
/// At most so many bytes of events are kept.
const BYTES: usize = 32 << 20;

/// Something that happened and that `/sync` may have to tell.
#[derive(Clone, Debug)]
pub enum Fact {
    /// An event came into a room's timeline.
    Event(Arc<Event>),
    /// Somebody read something.
    Receipt(Arc<Receipt>),
    /// A user's account data changed.
    AccountData(Arc<AccountData>),
    /// A device was sent a message.
    ToDevice(Arc<ToDevice>),
    /// A user's devices or keys changed.
    DeviceList(UserNid),
}

/// A read receipt.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of the table `receipts`")]
pub struct Receipt {
    pub room: RoomNid,
    pub user: UserNid,
    pub user_id: ruma::OwnedUserId,
    pub is_private: bool,
    /// Empty, `main`, or the root's event ID.
    pub thread: String,
    pub event_id: OwnedEventId,
    pub event_position: Position,
    pub ts_ms: i64,
}

/// One piece of account data.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of the table `account_data`")]
pub struct AccountData {
    pub user: UserNid,
    pub room: Option<RoomNid>,
    pub kind: String,
    pub content: Box<RawValue>,
}

/// A message between devices.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of the table `to_device_messages`")]
pub struct ToDevice {
    pub user: UserNid,
    pub device_id: OwnedDeviceId,
    /// The event as clients see it: sender, type and content.
    pub json: Arc<str>,
}

/// A fact at its place.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place on the number line.
    pub position: Position,
    /// What happened.
    pub fact: Fact,
}

/// The newest facts; clones share them.
#[derive(Clone)]
pub struct Tail {
    inner: Arc<RwLock<Inner>>,
    bus: Bus,
    forgetters: Arc<RwLock<Vec<Forgetter>>>,
}

/// Drops what was concluded from the facts so far.
type Forgetter = Box<dyn Fn() + Send + Sync>;

/// A view of the tail that does not change while it is held. Hold it shortly, never across an
/// `.await`.
pub type View<'a> = RwLockReadGuard<'a, Inner>;

/// The facts and their indexes.
#[derive(Debug)]
pub struct Inner {
    /// The last fact that is older than the tail: from here on everything is in memory.
    start: Position,
    /// The newest fact.
    head: Position,
    order: VecDeque<(Position, Key, usize)>,
    bytes: usize,
    rooms: HashMap<RoomNid, VecDeque<Entry>>,
    users: HashMap<UserNid, VecDeque<Entry>>,
    device_lists: VecDeque<(Position, UserNid)>,
    /// Who is to be woken when the publication under way is complete.
    woken: Vec<UserNid>,
}

#[derive(Clone, Copy, Debug)]
enum Key {
    Room(RoomNid),
    User(UserNid),
    DeviceList,
}

impl Tail {
    /// An empty tail after everything up to `head`.
    pub fn new(head: Position, bus: Bus) -> Self {
        bus.advance(head);
        let inner = Inner {
            start: head,
            head,
            order: VecDeque::new(),
            bytes: 0,
            rooms: HashMap::new(),
            users: HashMap::new(),
            device_lists: VecDeque::new(),
            woken: Vec::new(),
        };
        Self { inner: Arc::new(RwLock::new(inner)), bus, forgetters: Arc::default() }
    }

    /// Has `forget` called whenever facts were missed, before newer ones come: when another process
    /// wrote them, or a commit whose outcome could not be learnt. It must drop all that is kept in
    /// memory about what clients see.
    pub fn on_gap(&self, forget: impl Fn() + Send + Sync + 'static) {
        self.forgetters.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(forget));
    }

    /// What is known now.
    pub fn view(&self) -> View<'_> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The wake-ups.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tail(…)")
    }
}

impl Readers<Inner> for Tail {
    fn publish(&self, first: Position, head: Position, publish: &mut dyn FnMut(&mut Inner)) {
        let (woken, is_gap) = {
            let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
            let is_gap = first > inner.head.after(1);
            if is_gap {
                inner.forget_all(Position(first.0 - 1));
                for forget in self.forgetters.read().unwrap_or_else(PoisonError::into_inner).iter() {
                    forget();
                }
            }
            publish(&mut inner);
            inner.head = inner.head.max(head);
            (std::mem::take(&mut inner.woken), is_gap)
        };
        if is_gap {
            self.bus.wake_everyone();
        } else {
            self.bus.wake(&woken);
        }
        self.bus.advance(head);
    }
}

impl Inner {
    /// Everything after this position is in memory.
    pub fn start(&self) -> Position {
        self.start
    }

    /// The newest position.
    pub fn head(&self) -> Position {
        self.head
    }

    /// Whether all facts after `since` are in memory.
    pub fn reaches(&self, since: Position) -> bool {
        since >= self.start
    }

    /// The facts of a room after `since`, oldest first.
    pub fn room(&self, room: RoomNid, since: Position) -> impl DoubleEndedIterator<Item = &Entry> + Clone {
        after(self.rooms.get(&room), since)
    }

    /// The facts of a room between two positions, both excluded, oldest first.
    pub fn room_between(
        &self,
        room: RoomNid,
        since: Position,
        until: Position,
    ) -> impl DoubleEndedIterator<Item = &Entry> + Clone {
        between(self.rooms.get(&room), since, until)
    }

    /// Whether a room has any fact after `since`.
    pub fn room_has_news(&self, room: RoomNid, since: Position) -> bool {
        self.rooms.get(&room).and_then(VecDeque::back).is_some_and(|entry| entry.position > since)
    }

    /// The rooms in which anything happened after `since`; one that had much to tell comes repeatedly.
    pub fn rooms_with_news(&self, since: Position) -> impl Iterator<Item = RoomNid> {
        let start = self.order.partition_point(|(position, ..)| *position <= since);
        self.order.range(start..).filter_map(|(_, key, _)| match key {
            Key::Room(room) => Some(*room),
            Key::User(_) | Key::DeviceList => None,
        })
    }

    /// The facts of all rooms after `since`, oldest first.
    pub fn in_rooms(&self, since: Position) -> impl Iterator<Item = &Entry> {
        let start = self.order.partition_point(|(position, ..)| *position <= since);
        self.order.range(start..).filter_map(|(position, key, _)| match key {
            Key::Room(room) => after(self.rooms.get(room), Position(position.0 - 1)).next(),
            Key::User(_) | Key::DeviceList => None,
        })
    }

    /// The messages to devices of all users after `since`, oldest first.
    pub fn to_device(&self, since: Position) -> impl Iterator<Item = (Position, &Arc<ToDevice>)> {
        let start = self.order.partition_point(|(position, ..)| *position <= since);
        self.order.range(start..).filter_map(|(position, key, _)| {
            let Key::User(user) = key else { return None };
            match &after(self.users.get(user), Position(position.0 - 1)).next()?.fact {
                Fact::ToDevice(message) => Some((*position, message)),
                _ => None,
            }
        })
    }

    /// The facts of a user after `since`, oldest first.
    pub fn user(&self, user: UserNid, since: Position) -> impl DoubleEndedIterator<Item = &Entry> + Clone {
        after(self.users.get(&user), since)
    }

    /// The users whose devices or keys changed after `since`.
    pub fn device_lists(&self, since: Position) -> impl Iterator<Item = UserNid> {
        let start = self.device_lists.partition_point(|(position, _)| *position <= since);
        self.device_lists.range(start..).map(|(_, user)| *user)
    }

    /// Adds a fact at the end.
    pub fn push(&mut self, position: Position, fact: Fact) {
        let weight = match &fact {
            Fact::Event(event) => event.weight(),
            Fact::ToDevice(message) => 200 + message.json.len(),
            Fact::AccountData(data) => 200 + data.content.get().len(),
            Fact::Receipt(_) => 400,
            Fact::DeviceList(_) => 50,
        };
        let key = match &fact {
            Fact::Event(event) => Key::Room(event.room_nid),
            Fact::Receipt(receipt) => Key::Room(receipt.room),
            Fact::AccountData(data) => Key::User(data.user),
            Fact::ToDevice(message) => Key::User(message.user),
            Fact::DeviceList(_) => Key::DeviceList,
        };
        match (key, &fact) {
            (Key::Room(room), _) => self.rooms.entry(room).or_default().push_back(Entry { position, fact }),
            (Key::User(user), _) => self.users.entry(user).or_default().push_back(Entry { position, fact }),
            (Key::DeviceList, Fact::DeviceList(user)) => self.device_lists.push_back((position, *user)),
            (Key::DeviceList, _) => {}
        }
        self.order.push_back((position, key, weight));
        self.bytes += weight;
        self.forget_oldest();
    }

    /// Replaces an event that is still in the tail by its redacted form.
    pub fn replace(&mut self, event: &Arc<Event>) {
        let Some(entries) = self.rooms.get_mut(&event.room_nid) else { return };
        for entry in entries {
            if let Fact::Event(old) = &mut entry.fact
                && old.nid == event.nid
            {
                *old = event.clone();
            }
        }
    }

    /// Takes out events of a room that were deleted.
    pub fn remove(&mut self, room: RoomNid, events: &HashSet<EventNid>) {
        let Some(entries) = self.rooms.get_mut(&room) else { return };
        let mut gone = HashSet::new();
        entries.retain(|entry| match &entry.fact {
            Fact::Event(event) if events.contains(&event.nid) => {
                gone.insert(entry.position);
                false
            }
            _ => true,
        });
        if entries.is_empty() {
            self.rooms.remove(&room);
        }
        let mut freed = 0;
        self.order.retain(|(position, _, weight)| {
            let stays = !gone.contains(position);
            freed += if stays { 0 } else { *weight };
            stays
        });
        self.bytes -= freed;
    }

    /// Wakes those who wait for news of `user`, once all is published.
    pub fn wake(&mut self, user: UserNid) {
        self.woken.push(user);
    }

    /// Wakes those who wait for news of `users`, once all is published.
    pub fn wake_all(&mut self, users: impl IntoIterator<Item = UserNid>) {
        self.woken.extend(users);
    }

    /// Begins anew after `start`.
    fn forget_all(&mut self, start: Position) {
        self.order.clear();
        self.rooms.clear();
        self.users.clear();
        self.device_lists.clear();
        self.bytes = 0;
        self.start = start;
    }

    fn forget_oldest(&mut self) {
        while self.order.len() > FACTS || self.bytes > BYTES {
            let Some((position, key, weight)) = self.order.pop_front() else { return };
            match key {
                Key::Room(room) => pop(&mut self.rooms, &room),
                Key::User(user) => pop(&mut self.users, &user),
                Key::DeviceList => drop(self.device_lists.pop_front()),
            }
            self.bytes -= weight;
            self.start = position;
        }
    }
}

fn after(entries: Option<&VecDeque<Entry>>, since: Position) -> impl DoubleEndedIterator<Item = &Entry> + Clone {
    between(entries, since, Position(i64::MAX))
}

fn between(
    entries: Option<&VecDeque<Entry>>,
    since: Position,
    until: Position,
) -> impl DoubleEndedIterator<Item = &Entry> + Clone {
    static NONE: VecDeque<Entry> = VecDeque::new();
    let entries = entries.unwrap_or(&NONE);
    let start = entries.partition_point(|entry| entry.position <= since);
    let end = entries.partition_point(|entry| entry.position < until);
    entries.range(start..end.max(start))
}

fn pop<K: std::hash::Hash + Eq>(index: &mut HashMap<K, VecDeque<Entry>>, key: &K) {
    if let Some(entries) = index.get_mut(key) {
        entries.pop_front();
        if entries.is_empty() {
            index.remove(key);
        }
    }
}
