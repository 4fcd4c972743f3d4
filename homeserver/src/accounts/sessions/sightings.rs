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
    access::{Access, crowd::Crowd, whereabouts::Whereabouts},
    audit::Origin,
    secrets::{Secrets, columns},
    storage::{Storage, devices, numbers::UserNid},
    tasks::Tasks,
};

/// A session's use is noted once in so many milliseconds.
const INTERVAL_MS: i64 = 600_000;
/// The same when it is used from somewhere else.
const ELSEWHERE_MS: i64 = 10_000;
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
    /// It is not written if another was so lately.
    rest_ms: i64,
}

impl Sightings {
    /// Starts the task that writes: when, and if that is to be kept, from where.
    pub(super) fn start(storage: Storage, secrets: Secrets, access: &Access, tasks: &Tasks) -> Self {
        let (queue, sightings) = mpsc::channel(QUEUE);
        let (sightings, known) = (Arc::new(Mutex::new(sightings)), access.whereabouts.clone());
        tasks.start("last seen", move |stop| {
            let (storage, secrets, known) = (storage.clone(), secrets.clone(), known.clone());
            let sightings = sightings.clone();
            async move { run(&storage, &secrets, &known, &mut *sightings.lock().await, stop).await }
        });
        Self { queue, crowd: access.crowd.clone() }
    }

    /// Notes a use of `session`, unless one was noted a short while ago.
    pub(super) fn note(&self, session: &Session, origin: &Origin, now_ms: i64) {
        let Some(device_id) = &session.device_id else { return };
        let noted_at = session.noted_at.load(Ordering::Relaxed);
        let from = hash_of(&origin.address);
        let interval_ms = if session.noted_from.load(Ordering::Relaxed) == from { INTERVAL_MS } else { ELSEWHERE_MS };
        if now_ms - noted_at < interval_ms {
            return;
        }
        let exchange = session.noted_at.compare_exchange(noted_at, now_ms, Ordering::Relaxed, Ordering::Relaxed);
        if exchange.is_ok() {
            session.noted_from.store(from, Ordering::Relaxed);
            self.crowd.note(hash_of(&(session.user, device_id)), origin.address);
            let sighting = Sighting {
                user: session.user,
                device_id: device_id.clone(),
                origin: origin.clone(),
                at_ms: now_ms,
                rest_ms: interval_ms,
            };
            // A full queue means that the database has more important things to do.
            let _ = self.queue.try_send(sighting);
        }
    }
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

async fn run(
    storage: &Storage,
    secrets: &Secrets,
    known: &Whereabouts,
    sightings: &mut mpsc::Receiver<Sighting>,
    stop: CancellationToken,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            count = sightings.recv_many(&mut batch, BATCH) => if count == 0 { return },
            () = stop.cancelled() => return,
        }
        if let Err(error) = write(storage, secrets, known, &batch).await {
            warn!(%error, "When devices were last used could not be noted");
        }
        batch.clear();
    }
}

async fn write(storage: &Storage, secrets: &Secrets, known: &Whereabouts, sightings: &[Sighting]) -> Result<()> {
    let is_kept = known.are_kept();
    storage
        .retry(|| async {
            let mut tx = storage.begin().await?;
            for Sighting { user, device_id, origin, at_ms, rest_ms } in sightings {
                let seal =
                    |column, text: &str| is_kept.then(|| secrets.seal(column, &[&user.0, device_id], text.as_bytes()));
                let seen = devices::Sighting {
                    at: *at_ms,
                    address: seal(&columns::DEVICE_ADDRESS, &origin.address.to_string()),
                    user_agent: origin.user_agent.as_deref().and_then(|agent| seal(&columns::DEVICE_USER_AGENT, agent)),
                };
                devices::update_last_seen(&mut tx, *user, device_id, &seen, *rest_ms).await?;
                known.note(&mut tx, *user, device_id, origin.address, *at_ms).await?;
            }
            Ok(tx.commit().await?)
        })
        .await
}
