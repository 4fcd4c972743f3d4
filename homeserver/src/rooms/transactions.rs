//! Carries out each device's request once, however often it is sent. Client-server API,
//! "Transaction identifiers".

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use quick_cache::sync::Cache;
use ruma::{OwnedDeviceId, OwnedEventId};
use tokio::sync::OnceCell;

use crate::{
    Result,
    clock::Clock,
    event::Transaction,
    storage::{
        Storage,
        numbers::{RoomNid, UserNid},
        rooms,
    },
};

/// Devices whose requests are remembered in memory.
const DEVICES: usize = 50_000;
/// A device with more remembered requests is read from the database again.
const PER_DEVICE: usize = 5_000;
/// How long a request is remembered.
pub const REMEMBERED: Duration = Duration::from_hours(24);

type Cells = Mutex<HashMap<(RoomNid, String), Arc<OnceCell<OwnedEventId>>>>;

/// The requests that devices had carried out lately.
#[derive(Clone, Debug)]
pub struct Transactions {
    storage: Storage,
    clock: Clock,
    devices: Arc<Cache<(UserNid, OwnedDeviceId), Arc<Cells>>>,
}

impl Transactions {
    /// Nothing remembered yet.
    pub fn new(storage: Storage, clock: Clock) -> Self {
        Self { storage, clock, devices: Arc::new(Cache::new(DEVICES)) }
    }

    /// Runs `act` unless the same request was carried out already; the answer is the same then. A
    /// request that comes again while the first is under way waits for its outcome.
    pub async fn once<Fut>(
        &self,
        user: UserNid,
        room: RoomNid,
        transaction: &Transaction,
        act: impl FnOnce() -> Fut,
    ) -> Result<OwnedEventId>
    where
        Fut: Future<Output = Result<OwnedEventId>>,
    {
        let device = (user, transaction.device_id.clone());
        let cells = self.devices.get_or_insert_async(&device, self.load(user, &transaction.device_id)).await?;
        let (cell, is_full) = {
            let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
            let cell = cells.entry((room, transaction.txn_id.clone())).or_default().clone();
            (cell, cells.len() > PER_DEVICE)
        };
        let answer = cell.get_or_try_init(act).await.cloned();
        // Of a failed request it may be unknown whether it was carried out: the database knows.
        if is_full || answer.is_err() {
            self.devices.remove(&device);
        }
        answer
    }

    async fn load(&self, user: UserNid, device_id: &OwnedDeviceId) -> Result<Arc<Cells>> {
        let remembered_ms = i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX);
        let since = self.clock.now_ms().saturating_sub(remembered_ms);
        let mut conn = self.storage.conn().await?;
        let stored = rooms::transactions(&mut conn, user, device_id.as_str(), since).await?;
        let cells = stored
            .into_iter()
            .map(|(room, txn_id, event_id)| ((room, txn_id), Arc::new(OnceCell::new_with(Some(event_id)))));
        Ok(Arc::new(Mutex::new(cells.collect())))
    }
}
