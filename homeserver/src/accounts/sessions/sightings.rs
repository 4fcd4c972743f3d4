//! Notes when and from where devices are used: rarely, encrypted, and never in a request's way.

use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
};

use ruma::OwnedDeviceId;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::cache::Session;
use crate::{
    Result,
    audit::Origin,
    secrets::{Secrets, columns},
    storage::{Storage, devices, numbers::UserNid},
    tasks::Tasks,
};

/// A session's use is noted once in so many milliseconds.
const INTERVAL_MS: i64 = 600_000;
/// At most so many sightings wait; what comes beyond that is noted another time.
const QUEUE: usize = 1024;
/// At most so many are written in one transaction.
const BATCH: usize = 128;

/// The way to the task that writes.
#[derive(Clone, Debug)]
pub(super) struct Sightings {
    queue: mpsc::Sender<Sighting>,
}

#[derive(Debug)]
struct Sighting {
    user: UserNid,
    device_id: OwnedDeviceId,
    address: IpAddr,
    at_ms: i64,
}

impl Sightings {
    /// Starts the task that writes.
    pub(super) fn start(storage: Storage, secrets: Secrets, tasks: &Tasks) -> Self {
        let (queue, sightings) = mpsc::channel(QUEUE);
        let sightings = Arc::new(Mutex::new(sightings));
        tasks.start("last seen", move |stop| {
            let (storage, secrets, sightings) = (storage.clone(), secrets.clone(), sightings.clone());
            async move { run(&storage, &secrets, &mut *sightings.lock().await, stop).await }
        });
        Self { queue }
    }

    /// Notes a use of `session`, unless one was noted a short while ago.
    pub(super) fn note(&self, session: &Session, origin: &Origin, now_ms: i64) {
        let Some(device_id) = &session.device_id else { return };
        let noted_at = session.noted_at.load(Ordering::Relaxed);
        if now_ms - noted_at < INTERVAL_MS {
            return;
        }
        let exchange = session.noted_at.compare_exchange(noted_at, now_ms, Ordering::Relaxed, Ordering::Relaxed);
        if exchange.is_ok() {
            let sighting =
                Sighting { user: session.user, device_id: device_id.clone(), address: origin.address, at_ms: now_ms };
            // A full queue means that the database has more important things to do.
            let _ = self.queue.try_send(sighting);
        }
    }
}

async fn run(storage: &Storage, secrets: &Secrets, sightings: &mut mpsc::Receiver<Sighting>, stop: CancellationToken) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            count = sightings.recv_many(&mut batch, BATCH) => if count == 0 { return },
            () = stop.cancelled() => return,
        }
        if let Err(error) = write(storage, secrets, &batch).await {
            warn!(%error, "When devices were last used could not be noted");
        }
        batch.clear();
    }
}

async fn write(storage: &Storage, secrets: &Secrets, sightings: &[Sighting]) -> Result<()> {
    storage
        .retry(|| async {
            let mut tx = storage.begin().await?;
            for Sighting { user, device_id, address, at_ms } in sightings {
                let sealed =
                    secrets.seal(&columns::DEVICE_ADDRESS, &[&user.0, device_id], address.to_string().as_bytes());
                devices::update_last_seen(&mut tx, *user, device_id, &sealed, *at_ms).await?;
            }
            Ok(tx.commit().await?)
        })
        .await
}
