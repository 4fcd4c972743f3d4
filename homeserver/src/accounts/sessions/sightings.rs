//! Notes when and from where devices are used: rarely, encrypted, and never in a request's way.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, atomic::Ordering},
};

use ruma::OwnedDeviceId;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::cache::Session;
use crate::{
    Result,
    access::crowd::Crowd,
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
    crowd: Crowd,
}

#[derive(Debug)]
struct Sighting {
    user: UserNid,
    device_id: OwnedDeviceId,
    origin: Origin,
    at_ms: i64,
}

impl Sightings {
    /// Starts the task that writes: when, and if that `is_kept`, from where.
    pub(super) fn start(storage: Storage, secrets: Secrets, is_kept: bool, crowd: Crowd, tasks: &Tasks) -> Self {
        let (queue, sightings) = mpsc::channel(QUEUE);
        let sightings = Arc::new(Mutex::new(sightings));
        tasks.start("last seen", move |stop| {
            let (storage, secrets, sightings) = (storage.clone(), secrets.clone(), sightings.clone());
            async move { run(&storage, &secrets, is_kept, &mut *sightings.lock().await, stop).await }
        });
        Self { queue, crowd }
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
            let mut hasher = DefaultHasher::new();
            (session.user, device_id).hash(&mut hasher);
            self.crowd.note(hasher.finish(), origin.address);
            let sighting =
                Sighting { user: session.user, device_id: device_id.clone(), origin: origin.clone(), at_ms: now_ms };
            // A full queue means that the database has more important things to do.
            let _ = self.queue.try_send(sighting);
        }
    }
}

async fn run(
    storage: &Storage,
    secrets: &Secrets,
    is_kept: bool,
    sightings: &mut mpsc::Receiver<Sighting>,
    stop: CancellationToken,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            count = sightings.recv_many(&mut batch, BATCH) => if count == 0 { return },
            () = stop.cancelled() => return,
        }
        if let Err(error) = write(storage, secrets, is_kept, &batch).await {
            warn!(%error, "When devices were last used could not be noted");
        }
        batch.clear();
    }
}

async fn write(storage: &Storage, secrets: &Secrets, is_kept: bool, sightings: &[Sighting]) -> Result<()> {
    storage
        .retry(|| async {
            let mut tx = storage.begin().await?;
            for Sighting { user, device_id, origin, at_ms } in sightings {
                let seal =
                    |column, text: &str| is_kept.then(|| secrets.seal(column, &[&user.0, device_id], text.as_bytes()));
                let seen = devices::Sighting {
                    at: *at_ms,
                    address: seal(&columns::DEVICE_ADDRESS, &origin.address.to_string()),
                    user_agent: origin.user_agent.as_deref().and_then(|agent| seal(&columns::DEVICE_USER_AGENT, agent)),
                };
                devices::update_last_seen(&mut tx, *user, device_id, &seen, INTERVAL_MS).await?;
            }
            Ok(tx.commit().await?)
        })
        .await
}
