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
    rooms::{Rooms, view::View},
    storage::{
        Storage, directory,
        numbers::{RoomNid, SnapshotNid, UserNid},
    },
};

/// Rooms and users of which it is remembered, at most.
const REMEMBERED: usize = 20_000;

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
        self.include_room(&*self.rooms.load(event.room_nid).await?).await
    }

    /// Whether it is told of everything in a room.
    pub(super) async fn include_room(&self, view: &View) -> Result<bool> {
        let namespaces = &self.service.namespaces;
        if namespaces.rooms.contains(view.id.as_str()) || self.has_users_in(view).await? {
            return Ok(true);
        }
        if namespaces.aliases.is_empty() {
            return Ok(false);
        }
        let aliases = directory::list_aliases(&mut *self.storage.conn().await?, view.nid).await?;
        Ok(aliases.iter().any(|alias| namespaces.aliases.contains(alias.as_str())))
    }

    /// Whether one of its users is in a room.
    pub(super) async fn has_users_in(&self, view: &View) -> Result<bool> {
        let snapshot = view.snapshot.nid;
        if let Some((_, is_there)) = self.known().rooms.get(&view.nid).filter(|(known, _)| *known == snapshot) {
            return Ok(*is_there);
        }
        let mut is_there = false;
        let local: Vec<UserNid> = view.local.iter().copied().collect();
        for users in local.chunks(500) {
            if !self.users_among(users).await?.is_empty() {
                is_there = true;
                break;
            }
        }
        let mut known = self.known();
        if known.rooms.len() >= REMEMBERED {
            known.rooms.clear();
        }
        known.rooms.insert(view.nid, (snapshot, is_there));
        Ok(is_there)
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
