//! Who is typing in which room: in memory only, and forgotten by itself.
//!
//! Local users come in by [`Typing::set`], those of other servers by [`Typing::note`].

mod board;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ruma::{OwnedUserId, RoomId, UserId};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use self::board::Board;
use super::{Counter, Nudges};
use crate::{
    Error, Result,
    accounts::User,
    clock::Clock,
    rooms::{Rooms, view::View},
    storage::numbers::RoomNid,
    tasks::Tasks,
};

/// How long somebody counts as typing who does not say for how long, in milliseconds.
pub const USUAL_MS: u64 = 30_000;
/// How long somebody counts as typing without saying so again, at most.
const LONGEST: Duration = Duration::from_secs(120);
/// How often those who stopped without saying so are looked for.
const INTERVAL: Duration = Duration::from_secs(1);

/// Who is typing; clones share it.
#[derive(Clone, Debug)]
pub struct Typing {
    rooms: Rooms,
    clock: Clock,
    counter: Counter,
    nudges: Nudges,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    board: Mutex<Board>,
    somebody_types: Notify,
}

impl Typing {
    /// Nobody yet; starts the task that notices who has stopped.
    pub fn start(rooms: Rooms, clock: Clock, counter: Counter, nudges: Nudges, tasks: &Tasks) -> Self {
        let typing = Self { rooms, clock, counter, nudges, shared: Arc::default() };
        let task = typing.clone();
        tasks.start("typing", move |stop| {
            let typing = task.clone();
            async move { typing.run(stop).await }
        });
        typing
    }

    /// `user` says whether they are typing, and for how long.
    pub async fn set(&self, user: &User, room_id: &RoomId, who: &UserId, duration: Option<Duration>) -> Result<()> {
        if who != user.id {
            return Err(Error::forbidden("You can only say of yourself that you are typing."));
        }
        let view = self.rooms.joined(user, room_id).await?;
        if !user.is_shadow_banned {
            self.note(&view, who, duration);
        }
        Ok(())
    }

    /// Somebody in the room is typing for `duration`, or has stopped.
    pub fn note(&self, view: &View, who: &UserId, duration: Option<Duration>) {
        let now_ms = self.clock.now_ms();
        let is_news = {
            let mut board = self.board();
            match duration {
                Some(duration) => {
                    let until = now_ms.saturating_add(milliseconds(duration.min(LONGEST)));
                    board.start(view.nid, who, until, || self.counter.advance())
                }
                None => board.stop(view.nid, who, || self.counter.advance()),
            }
        };
        if is_news {
            self.nudges.wake(view.local.iter());
            self.shared.somebody_types.notify_one();
        }
    }

    /// The number of the newest change of typing or presence. To be asked for before the changes.
    pub fn counter(&self) -> u64 {
        self.counter.current()
    }

    /// Tells of changes of typing or presence, for those who read all of them.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.counter.watch()
    }

    /// Who is typing in a room, in the order in which they began, if that has changed after `since`.
    /// With `since` 0, for readers who know nothing, only if somebody is.
    pub fn changed_since(&self, room: RoomNid, since: u64) -> Option<Vec<OwnedUserId>> {
        self.board().changed_since(room, since)
    }

    /// The rooms in which it has changed after `since`.
    pub fn rooms_changed_since(&self, since: u64) -> Vec<RoomNid> {
        self.board().rooms_changed_since(since)
    }

    async fn run(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = self.shared.somebody_types.notified() => {}
                () = stop.cancelled() => return,
            }
            while self.board().is_somebody_typing() {
                tokio::select! {
                    () = tokio::time::sleep(INTERVAL) => self.expire(),
                    () = stop.cancelled() => return,
                }
            }
        }
    }

    fn expire(&self) {
        let changed = self.board().expire(self.clock.now_ms(), || self.counter.advance());
        for room in changed {
            // A room that is not in memory has nobody who waits for it.
            if let Some(view) = self.rooms.in_memory(room) {
                self.nudges.wake(view.local.iter());
            }
        }
    }

    fn board(&self) -> std::sync::MutexGuard<'_, Board> {
        self.shared.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
