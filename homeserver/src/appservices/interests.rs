//! What is an application service's business. Application service API, "Registration".

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ruma::{OwnedUserId, UserId};

use crate::{
    Result,
    accounts::appservices::AppService,
    event::{Event, member_of},
    rooms::{
        Rooms,
        view::{View, membership_in},
    },
    storage::{
        Storage, directory,
        numbers::{RoomNid, SnapshotNid, UserNid},
        rooms::{self, Membership},
    },
};

/// Rooms and users of which it is remembered, at most.
const REMEMBERED: usize = 20_000;
/// Members of a room that are looked at in one go.
const LOCAL: usize = 500;

/// The interests of one application service.
#[derive(Debug)]
pub(super) struct Interests {
    service: Arc<AppService>,
    storage: Storage,
    rooms: Rooms,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Whether one of its users is in a room, in the state that is named.
    rooms: HashMap<RoomNid, (SnapshotNid, bool)>,
    /// Whether a local user is one of its.
    users: HashMap<UserNid, bool>,
}

impl Interests {
    pub(super) fn new(service: Arc<AppService>, storage: Storage, rooms: Rooms) -> Self {
        Self { service, storage, rooms, known: Mutex::default() }
    }

    /// Whether it is told of an event.
    pub(super) async fn include(&self, event: &Event) -> Result<bool> {
        let is_interesting = |user: &UserId| self.service.is_interested_in_user(user);
        if is_interesting(event.sender()) || member_of(event).is_some_and(|member| is_interesting(&member)) {
            return Ok(true);
        }
        let view = self.rooms.load(event.room_nid).await?;
        Ok(self.had_users_in(&view, event.snapshot).await? || self.include_by_name(&view).await?)
    }

    /// Whether a room has a name that is one of its.
    async fn include_by_name(&self, view: &View) -> Result<bool> {
        let namespaces = &self.service.namespaces;
        if namespaces.rooms.contains(view.id.as_str()) {
            return Ok(true);
        }
        if namespaces.aliases.is_empty() {
            return Ok(false);
        }
        let aliases = directory::list_aliases(&mut *self.storage.conn().await?, view.nid).await?;
        Ok(aliases.iter().any(|alias| namespaces.aliases.contains(alias.as_str())))
    }

    /// Whether one of its users is in a room.
    async fn has_users_in(&self, view: &View) -> Result<bool> {
        if let Some(known) = self.known_in(view.nid, view.snapshot.nid) {
            return Ok(known);
        }
        let local: Vec<UserNid> = view.local.iter().copied().collect();
        let mut is_there = false;
        for users in local.chunks(LOCAL) {
            is_there |= !self.users_among(users).await?.is_empty();
            if is_there {
                break;
            }
        }
        Ok(self.note_in(view.nid, view.snapshot.nid, is_there))
    }

    /// Whether one of its users was in a room when it was in the state `snapshot`.
    async fn had_users_in(&self, view: &View, snapshot: Option<SnapshotNid>) -> Result<bool> {
        let Some(snapshot) = snapshot.filter(|snapshot| *snapshot != view.snapshot.nid) else {
            return self.has_users_in(view).await;
        };
        if let Some(known) = self.known_in(view.nid, snapshot) {
            return Ok(known);
        }
        let ever = rooms::local_members(&mut *self.storage.conn().await?, view.nid).await?;
        for (_, user) in self.users_among(&ever).await? {
            let Some(key) = self.storage.find_state_key_nid("m.room.member", user.as_str()).await? else { continue };
            if let Some(event) = self.rooms.snapshots().entry(snapshot, key).await?
                && membership_in(&self.rooms.events().load(event).await?) == Membership::Join
            {
                return Ok(self.note_in(view.nid, snapshot, true));
            }
        }
        Ok(self.note_in(view.nid, snapshot, false))
    }

    fn known_in(&self, room: RoomNid, snapshot: SnapshotNid) -> Option<bool> {
        self.known().rooms.get(&room).filter(|(known, _)| *known == snapshot).map(|(_, is_there)| *is_there)
    }

    fn note_in(&self, room: RoomNid, snapshot: SnapshotNid, is_there: bool) -> bool {
        let mut known = self.known();
        if known.rooms.len() >= REMEMBERED {
            known.rooms.clear();
        }
        known.rooms.insert(room, (snapshot, is_there));
        is_there
    }

    /// Its users among `users`, with their IDs.
    pub(super) async fn users_among(&self, users: &[UserNid]) -> Result<Vec<(UserNid, OwnedUserId)>> {
        let candidates: Vec<UserNid> = {
            let known = self.known();
            users.iter().copied().filter(|user| known.users.get(user).copied().unwrap_or(true)).collect()
        };
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        let ids = self.storage.user_ids(&candidates).await?;
        let mut known = self.known();
        if known.users.len() >= REMEMBERED {
            known.users.clear();
        }
        let mut found = Vec::new();
        for (user, id) in candidates.into_iter().zip(ids) {
            let is_its = self.service.is_interested_in_user(&id);
            known.users.insert(user, is_its);
            if is_its {
                found.push((user, id));
            }
        }
        Ok(found)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
