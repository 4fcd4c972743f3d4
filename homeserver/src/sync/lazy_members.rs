//! Which membership events each device has been sent, so that they are not sent again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use quick_cache::sync::Cache;
use ruma::OwnedDeviceId;

use crate::storage::numbers::{EventNid, Position, RoomNid, UserNid};

/// Devices that are remembered. A forgotten device is sent its members again.
const DEVICES: usize = 20_000;
/// Membership events remembered for a device.
const PER_DEVICE: usize = 5_000;

type Sent = Mutex<HashMap<(RoomNid, EventNid), Position>>;

/// What devices have been sent; clones share it.
#[derive(Clone, Debug)]
pub struct LazyMembers {
    devices: Arc<Cache<(UserNid, OwnedDeviceId), Arc<Sent>>>,
}

impl Default for LazyMembers {
    fn default() -> Self {
        Self { devices: Arc::new(Cache::new(DEVICES)) }
    }
}

impl LazyMembers {
    /// Forgets a device, because it begins anew.
    pub fn forget(&self, user: UserNid, device_id: &OwnedDeviceId) {
        self.devices.remove(&(user, device_id.clone()));
    }

    /// Leaves those of `events` that the device, whose token is `since`, does not have; they count
    /// as sent by the answer whose token is `now`. An answer that was lost does not count: the
    /// client comes again with an older token.
    pub fn select(
        &self,
        user: UserNid,
        device_id: &OwnedDeviceId,
        room: RoomNid,
        events: &mut Vec<EventNid>,
        since: Position,
        now: Position,
    ) {
        let fresh = || Ok::<_, std::convert::Infallible>(Arc::default());
        let Ok(sent) = self.devices.get_or_insert_with(&(user, device_id.clone()), fresh);
        let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.len() > PER_DEVICE {
            sent.clear();
        }
        events.retain(|event| sent.get(&(room, *event)).is_none_or(|at| *at > since));
        for event in events.iter() {
            sent.insert((room, *event), now);
        }
    }
}
