//! Which rooms each active local user has to do with, in memory: `/sync` asks at every turn.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::time::timeout;

use crate::{
    Result,
    storage::{
        Storage,
        log::{self, rows::Rows},
        numbers::{EventNid, Position, RoomNid, UserNid},
        rooms::{self, Membership, StoredMember},
    },
    tail::{Job, Log, Tail},
};

/// Users kept in memory, about.
const USERS: usize = 50_000;
/// How long what was committed here may take to be published.
const PATIENCE: Duration = Duration::from_millis(100);

/// A user's relation to one room.
#[derive(Clone, Copy, Debug)]
pub struct Residence {
    /// What they are there.
    pub membership: Membership,
    /// The event that says so.
    pub event: EventNid,
    /// Its position.
    pub position: Position,
    /// Whether the user, who has left, does not want to know of the room any more.
    pub forgotten: bool,
}

/// All rooms that a user has or had to do with. Cheap to clone.
pub type UserRooms = imbl::OrdMap<RoomNid, Residence>;

/// The rooms of users.
#[derive(Clone, Debug)]
pub struct Residents {
    storage: Storage,
    tail: Tail,
    log: Log,
    users: Arc<RwLock<HashMap<UserNid, Entry>>>,
}

#[derive(Debug, Default)]
struct Entry {
    rooms: UserRooms,
    is_loaded: bool,
}

impl Residents {
    /// Nobody yet.
    pub fn new(storage: Storage, tail: Tail, log: Log) -> Self {
        Self { storage, tail, log, users: Arc::default() }
    }

    /// The rooms of `user`, if they are in memory. Asked for under the tail's view, the answer is as
    /// old as that.
    pub fn find(&self, user: UserNid) -> Option<UserRooms> {
        let users = self.users.read().unwrap_or_else(PoisonError::into_inner);
        users.get(&user).filter(|entry| entry.is_loaded).map(|entry| entry.rooms.clone())
    }

    /// Brings the rooms of `user` into memory.
    pub async fn load(&self, user: UserNid) -> Result<UserRooms> {
        if let Some(rooms) = self.find(user) {
            return Ok(rooms);
        }
        // From here on what is published is noted, so that nothing is lost while the table is read.
        {
            let mut users = self.write();
            if users.len() >= USERS {
                users.retain(|_, entry| !entry.is_loaded);
                users.shrink_to_fit();
            }
            users.entry(user).or_default();
        }
        let mut conn = self.storage.conn().await?;
        let stored = rooms::of_user(&mut conn, user).await?;
        let head = log::head(&mut conn).await?;
        drop(conn);
        // What was read may be committed and not yet published: readers must not see it before.
        self.until_published(head).await?;

        let mut users = self.write();
        let entry = users.entry(user).or_default();
        for member in stored {
            let newer = entry.rooms.get(&member.room).is_some_and(|known| known.position >= member.position);
            if !newer {
                entry.rooms.insert(member.room, member.into());
            }
        }
        entry.is_loaded = true;
        Ok(entry.rooms.clone())
    }

    async fn until_published(&self, head: Position) -> Result<()> {
        let mut published = self.tail.bus().watch();
        // The sender lives as long as the tail, which this holds.
        if timeout(PATIENCE, published.wait_for(|position| *position >= head)).await.is_err() {
            // Another process has written it. This one learns of that with whatever it writes next.
            self.log.append(Job { rows: Rows::default(), broken: None, publish: Box::new(|_, _| {}) }).await?;
            let _ = published.wait_for(|position| *position >= head).await;
        }
        Ok(())
    }

    /// Notes a membership that was committed. Called while the tail is published.
    pub fn note(&self, user: UserNid, room: RoomNid, residence: Residence) {
        if let Some(entry) = self.write().get_mut(&user) {
            entry.rooms.insert(room, residence);
        }
    }

    /// Drops everything: it is read again when it is needed.
    pub fn forget_all(&self) {
        self.write().clear();
    }

    /// Notes that a user has forgotten a room.
    pub fn forget(&self, user: UserNid, room: RoomNid) {
        if let Some(entry) = self.write().get_mut(&user)
            && let Some(residence) = entry.rooms.get_mut(&room)
        {
            residence.forgotten = true;
        }
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<UserNid, Entry>> {
        self.users.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<StoredMember> for Residence {
    fn from(member: StoredMember) -> Self {
        Self {
            membership: member.membership,
            event: member.event,
            position: member.position,
            forgotten: member.forgotten,
        }
    }
}
