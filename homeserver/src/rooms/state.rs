//! Reads the state of rooms, now and at an event.

use std::{collections::HashSet, sync::Arc};

use ruma::UserId;

use super::{
    Rooms,
    snapshots::{Snapshot, Snapshots},
    view::View,
};
use crate::{
    Result,
    event::Event,
    storage::{
        numbers::{RoomNid, UserNid},
        rooms,
    },
};

impl Rooms {
    /// The event that stands at a key of the room's state.
    pub async fn state_event(&self, view: &View, kind: &str, state_key: &str) -> Result<Option<Arc<Event>>> {
        self.state_event_in(&view.snapshot, kind, state_key).await
    }

    /// The event that stands at a key of any state.
    pub async fn state_event_in(&self, state: &Snapshot, kind: &str, state_key: &str) -> Result<Option<Arc<Event>>> {
        let Some(key) = self.storage.find_state_key_nid(kind, state_key).await? else { return Ok(None) };
        match state.map.get(&key) {
            Some(event) => Ok(Some(self.events.load(*event).await?)),
            None => Ok(None),
        }
    }

    /// All events of a state.
    pub async fn state_events(&self, state: &Snapshot) -> Result<Vec<Arc<Event>>> {
        let nids: Vec<_> = state.map.values().copied().collect();
        self.events.load_many(&nids).await
    }

    /// Those events of a state whose type and state key are `wanted`.
    pub async fn state_events_where(
        &self,
        state: &Snapshot,
        wanted: impl Fn(&str, &str) -> bool,
    ) -> Result<Vec<Arc<Event>>> {
        let keys: Vec<_> = state.map.keys().copied().collect();
        let names = self.storage.state_keys(&keys).await?;
        let chosen = state.map.values().zip(&names).filter(|(_, (kind, key))| wanted(kind, key));
        let nids: Vec<_> = chosen.map(|(nid, _)| *nid).collect();
        self.events.load_many(&nids).await
    }

    /// The membership events, in a state, of some users.
    pub async fn member_events_of(
        &self,
        state: &Snapshot,
        users: impl IntoIterator<Item = &UserId>,
    ) -> Result<Vec<Arc<Event>>> {
        let mut nids = Vec::new();
        for user in users {
            let key = self.storage.find_state_key_nid("m.room.member", user.as_str()).await?;
            nids.extend(key.and_then(|key| state.map.get(&key).copied()));
        }
        self.events.load_many(&nids).await
    }

    /// The events of one type in the room's current state.
    pub async fn events_of_type(&self, room: RoomNid, kind: &str) -> Result<Vec<Arc<Event>>> {
        let nids = rooms::current_events(&mut *self.storage.conn().await?, room, kind).await?;
        self.events.load_many(&nids).await
    }

    /// The membership events of those who are banned from the room.
    pub async fn bans(&self, room: RoomNid) -> Result<Vec<Arc<Event>>> {
        let nids = rooms::bans(&mut *self.storage.conn().await?, room).await?;
        self.events.load_many(&nids).await
    }

    /// The state after an event of the timeline.
    pub async fn state_after(&self, event: &Event) -> Result<Option<Snapshot>> {
        let Some(before) = event.snapshot else { return Ok(None) };
        let before = self.snapshots.load(before).await?;
        Ok(Some(match event.state_key_nid.filter(|_| !event.is_rejected()) {
            // This state is not stored under a number of its own here, and need not be.
            Some(key) => Snapshots::derive(&before, before.nid, &[(key, Some(event.nid))]).0,
            None => before,
        }))
    }
}

impl Rooms {
    /// The membership events of those who are in the room.
    pub async fn member_events(&self, view: &View) -> Result<Vec<Arc<Event>>> {
        let members: Vec<_> = view.joined.iter().copied().collect();
        let mut nids = Vec::with_capacity(members.len());
        for user_id in self.storage.user_ids(&members).await? {
            let key = self.storage.find_state_key_nid("m.room.member", user_id.as_str()).await?;
            nids.extend(key.and_then(|key| view.snapshot.map.get(&key).copied()));
        }
        self.events.load_many(&nids).await
    }
}

impl Rooms {
    /// The local users who share a room with `user`, as far as rooms are in memory: those who wait
    /// for news of a room have it there.
    pub fn local_sharers_in_memory(&self, user: UserNid) -> HashSet<UserNid> {
        let mut sharers = HashSet::new();
        for view in self.heads.committed_views() {
            if view.is_joined(user) {
                sharers.extend(view.local.iter().copied());
            }
        }
        sharers
    }
}
