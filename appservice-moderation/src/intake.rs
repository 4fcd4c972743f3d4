//! Takes over what the homeserver tells, and looks at it: first it is stored and acknowledged, then worked
//! through in order. A transaction that comes again changes nothing.

mod invitations;

use std::{sync::Arc, time::Duration};

use serde_json::value::RawValue;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    Error, Result,
    clock::Clock,
    event::Event,
    observers::Observers,
    rooms::Rooms,
    storage::{Storage, inbox, proposals},
    talk::Talk,
    tasks::Tasks,
};

pub use self::invitations::Invitations;

/// Events that are read at a time.
const BATCH: u32 = 100;
/// How long a transaction is remembered. The homeserver repeats only its last one.
const REMEMBERED_MS: i64 = 30 * 24 * 3_600_000;
/// How long to wait when something is away, at first and at most.
const DELAY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));
/// What cannot be looked at for so many times, though the homeserver answers, is passed over.
const MOST_TRIES: u32 = 10;
/// How often what has ended is forgotten.
const TIDYING: Duration = Duration::from_secs(3600);

/// Takes over what happens; clones share it.
#[derive(Clone, Debug)]
pub struct Intake {
    storage: Storage,
    clock: Clock,
    arrived: Arc<Notify>,
    /// Held while events take their places in the inbox: an empty one has no row to lock.
    places: Arc<Mutex<()>>,
    listeners: Arc<Listeners>,
}

/// Who is told of an event, in this order.
#[derive(Debug)]
#[expect(missing_docs, reason = "each is described where it is defined")]
pub struct Listeners {
    pub rooms: Rooms,
    pub invitations: Invitations,
    pub observers: Observers,
    pub talk: Talk,
}

/// How often it was tried in vain to look at the first event that waits.
#[derive(Debug, Default)]
struct Tries {
    position: i64,
    count: u32,
}

impl Tries {
    /// Counts another try; returns how many there were before.
    fn of(&mut self, position: i64) -> u32 {
        if self.position != position {
            *self = Self { position, count: 0 };
        }
        self.count += 1;
        self.count - 1
    }
}

impl Intake {
    /// Takes over events for `listeners`, those first that wait since the process ended.
    pub fn start(storage: Storage, clock: Clock, listeners: Listeners, tasks: &Tasks) -> Self {
        let intake =
            Self { storage, clock, arrived: Arc::default(), places: Arc::default(), listeners: Arc::new(listeners) };
        let worker = intake.clone();
        tasks.start("intake", move |stop| worker.clone().work(stop));
        let tidier = intake.clone();
        tasks.start("tidying", move |stop| tidier.clone().tidy(stop));
        intake
    }

    /// Takes over a transaction. It is safe when this returns.
    pub async fn take_over(&self, transaction_id: &str, events: &[Box<RawValue>]) -> Result<()> {
        let now_ms = self.clock.now_ms();
        let _places = self.places.lock().await;
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                if inbox::insert_transaction(&mut tx, transaction_id, now_ms).await? {
                    let last = inbox::last(&mut tx).await?;
                    for (position, event) in (last + 1..).zip(events) {
                        inbox::insert(&mut tx, position, event.get().as_bytes(), now_ms).await?;
                    }
                }
                Ok(tx.commit().await?)
            })
            .await?;
        self.arrived.notify_one();
        Ok(())
    }

    async fn work(self, stop: CancellationToken) {
        let (mut delay, mut tries) = (DELAY.0, Tries::default());
        while !stop.is_cancelled() {
            let worked = tokio::select! {
                worked = self.work_off(&mut tries) => worked,
                () = stop.cancelled() => return,
            };
            let rest = match worked {
                Ok(()) => {
                    delay = DELAY.0;
                    Duration::MAX
                }
                Err(fault) => {
                    warn!(error = %fault, "What the homeserver told waits");
                    delay = (delay * 2).min(DELAY.1);
                    delay
                }
            };
            tokio::select! {
                () = self.arrived.notified(), if rest == Duration::MAX => {}
                () = tokio::time::sleep(rest), if rest != Duration::MAX => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Works through the inbox until it is empty.
    async fn work_off(&self, tries: &mut Tries) -> Result<()> {
        loop {
            let waiting = inbox::list(&mut *self.storage.conn().await?, BATCH).await?;
            if waiting.is_empty() {
                return Ok(());
            }
            for item in waiting {
                match serde_json::from_slice::<Event>(&item.event) {
                    Ok(event) => self.look_at(&event, tries.of(item.position)).await?,
                    Err(fault) => debug!(error = %fault, "An event is not of a kind that is known"),
                }
                inbox::delete(&mut *self.storage.conn().await?, item.position).await?;
            }
        }
    }

    /// Looks at an event, not for the first time if there were `tries`. Fails only while something is away.
    async fn look_at(&self, event: &Event, tries: u32) -> Result<()> {
        let Listeners { rooms, invitations, observers, talk } = &*self.listeners;
        let looked = async {
            invitations.hear(event).await?;
            let place = rooms.place(&event.room_id).await?;
            observers.tell(event, &place).await?;
            talk.hear(event, &place).await
        };
        match looked.await {
            Err(fault @ Error::Unavailable(..)) if tries < MOST_TRIES => Err(fault),
            Err(Error::Unavailable(what, cause)) => {
                self.storage.ping().await?;
                talk.give_up(event).await?;
                warn!(event.id = %event.event_id, room.id = %event.room_id, error = %cause, "{what} fails at an event");
                Ok(())
            }
            Err(fault) => {
                warn!(event.id = %event.event_id, room.id = %event.room_id, error = %fault, "An event is passed over");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    async fn tidy(self, stop: CancellationToken) {
        loop {
            let now_ms = self.clock.now_ms();
            let tidied = async {
                let mut conn = self.storage.conn().await?;
                inbox::delete_transactions(&mut conn, now_ms - REMEMBERED_MS).await?;
                proposals::delete_expired(&mut conn, now_ms - 24 * 3_600_000).await
            };
            if let Err(fault) = tidied.await {
                debug!(error = %fault, "What has ended is not forgotten yet");
            }
            tokio::select! {
                () = tokio::time::sleep(TIDYING) => {}
                () = stop.cancelled() => return,
            }
        }
    }
}
