//! Watches the log for what people are to be notified of. Rules are evaluated only for those who
//! have pushers; while nobody has, nothing is done.
//!
//! Several processes may watch: whoever first moves the position of this reader forward has the
//! events in between.

mod pages;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    deliveries::{Deliveries, Item},
    gateway::Notification,
    pushers::Pushers,
};
use crate::{
    Result,
    event::{Event, member_of},
    rooms::{Rooms, view::membership_in},
    storage::{
        Storage,
        events::Range,
        log, log_readers,
        numbers::{Position, UserNid},
        pushers::{self, PusherKey},
        rooms::Membership,
    },
    tail::Tail,
    tasks::Tasks,
    unread::{Judge, Reader},
};

/// The name of this reader of the log.
const NAME: &str = "push";
/// The position is stored at least every so many facts, also while there is nothing to notify of.
const STRIDE: i64 = 10_000;
/// How often it is looked up who has pushers, and how long it takes to try again what failed.
const REFRESH: Duration = Duration::from_mins(1);
/// Events of a room that are looked at for what waited for a pusher when the server stopped.
const RESUMED: usize = 50;

/// Watches the log.
#[derive(Clone, Debug)]
pub struct Watch {
    storage: Storage,
    tail: Tail,
    rooms: Rooms,
    judge: Judge,
    pushers: Pushers,
    deliveries: Deliveries,
}

/// Who is to be notified of what.
type Notified = Vec<(UserNid, Arc<Notification>)>;

/// How far the log was read.
#[derive(Clone, Copy, Debug)]
struct Progress {
    /// Everything up to here was looked at.
    read: Position,
    /// What of that is stored.
    stored: Position,
    /// Whether it was read over because nobody had a pusher.
    is_idle: bool,
}

impl Watch {
    /// Ready to watch.
    pub fn new(
        storage: Storage,
        tail: Tail,
        rooms: Rooms,
        judge: Judge,
        pushers: Pushers,
        deliveries: Deliveries,
    ) -> Self {
        Self { storage, tail, rooms, judge, pushers, deliveries }
    }

    /// Starts the task.
    pub fn start(&self, tasks: &Tasks) {
        let watch = self.clone();
        tasks.start("push", move |stop| {
            let watch = watch.clone();
            async move { watch.run(stop).await }
        });
    }

    async fn run(&self, stop: CancellationToken) {
        let mut heads = self.tail.bus().watch();
        let mut progress = None;
        loop {
            if let Err(error) = self.read_on(&mut progress).await {
                warn!(%error, "Notifications could not be prepared and are tried again");
            }
            let is_time = tokio::select! {
                changed = heads.changed(), if progress.is_some() => if changed.is_err() { return } else { false },
                () = tokio::time::sleep(REFRESH) => true,
                () = stop.cancelled() => return,
            };
            if is_time && let Err(error) = self.pushers.refresh().await {
                warn!(%error, "It could not be looked up who has pushers");
            }
        }
    }

    async fn read_on(&self, progress: &mut Option<Progress>) -> Result<()> {
        let mut at = match *progress {
            Some(at) => at,
            None => self.begin().await?,
        };
        *progress = Some(at);
        while self.read_page(&mut at).await? {
            *progress = Some(at);
        }
        *progress = Some(at);
        Ok(())
    }

    /// Takes up where the last run ended.
    async fn begin(&self) -> Result<Progress> {
        self.pushers.refresh().await?;
        let head = log::head(&mut *self.storage.conn().await?).await?;
        let stored = self
            .storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                let mut stored = log_readers::hold(&mut tx, NAME).await?;
                if stored == Position::ZERO {
                    // Nobody was to be told of what happened before the first run.
                    log_readers::advance(&mut tx, NAME, head).await?;
                    stored = head;
                }
                tx.commit().await?;
                Ok(stored)
            })
            .await?;
        let waiting = pushers::waiting(&mut *self.storage.conn().await?).await?;
        for (key, position) in waiting {
            self.resume(&key, position, stored).await?;
        }
        Ok(Progress { read: stored, stored, is_idle: false })
    }

    /// Looks again for what waited for a pusher when the server stopped: what came after `since`.
    async fn resume(&self, key: &PusherKey, since: Position, until: Position) -> Result<()> {
        let user_id = self.storage.user_id(key.user).await?;
        let reader = Reader { nid: key.user, id: &user_id };
        let mut found = BTreeMap::new();
        for (room, residence) in self.rooms.residents().load(key.user).await? {
            if residence.membership != Membership::Join {
                continue;
            }
            for event in self.rooms.stored_page(room, Range::Up(since, until), RESUMED).await? {
                if let Some(notification) = self.notification(reader, &event).await? {
                    found.insert(notification.position, notification);
                }
            }
        }
        if found.is_empty() {
            return pushers::note_done(&mut *self.storage.conn().await?, key).await;
        }
        for notification in found.into_values() {
            self.deliveries.add(key, Item::Notification(notification));
        }
        Ok(())
    }

    /// Reads a page of the log. Returns whether there is more.
    async fn read_page(&self, at: &mut Progress) -> Result<bool> {
        let head = self.tail.view().head();
        if at.read >= head {
            return Ok(false);
        }
        if self.pushers.are_none() {
            at.read = head;
            at.is_idle = true;
            return Ok(false);
        }
        if std::mem::take(&mut at.is_idle) {
            // Whoever has a pusher now was not to be told of what came before.
            self.claim(at, &Vec::new()).await?;
        }
        let page = self.page(at.read, head).await?;
        let mut notified = Vec::new();
        for event in &page.events {
            self.judge(event, &mut notified).await?;
        }
        at.read = page.until;
        if !notified.is_empty() || at.read.0 - at.stored.0 >= STRIDE {
            let claimed = self.claim(at, &notified).await?;
            notified.retain(|(_, notification)| notification.position > claimed);
        }
        for (user, notification) in notified {
            for key in self.pushers.keys(user).await? {
                self.deliveries.add(&key, Item::Notification(notification.clone()));
            }
        }
        for user in page.readers {
            for key in self.pushers.keys(user).await? {
                self.deliveries.add(&key, Item::Badge);
            }
        }
        Ok(page.until < head)
    }

    /// Finds those who have pushers and are to be notified of an event.
    async fn judge(&self, event: &Arc<Event>, notified: &mut Notified) -> Result<()> {
        let view = self.rooms.load(event.room_nid).await?;
        let mut owners = self.pushers.owners_among(&view.local);
        if let Some(invited) = self.invited(event).await? {
            owners.push(invited);
        }
        for owner in owners {
            let user_id = self.storage.user_id(owner).await?;
            let reader = Reader { nid: owner, id: &user_id };
            if let Some(notification) = self.notification(reader, event).await? {
                notified.push((owner, notification));
            }
        }
        Ok(())
    }

    /// The user with pushers whom an event invites.
    async fn invited(&self, event: &Arc<Event>) -> Result<Option<UserNid>> {
        let Some(member) = member_of(event).filter(|_| membership_in(event) == Membership::Invite) else {
            return Ok(None);
        };
        let invited = self.storage.find_user_nid(&member).await?;
        Ok(invited.filter(|invited| self.pushers.is_owner(*invited)))
    }

    async fn notification(&self, reader: Reader<'_>, event: &Arc<Event>) -> Result<Option<Arc<Notification>>> {
        let Some(position) = event.position().filter(|_| !event.is_redacted()) else { return Ok(None) };
        let view = self.rooms.load(event.room_nid).await?;
        let verdict = self.judge.judge(reader, &view, event).await?;
        let notification = Notification { position, event: event.clone(), actions: verdict.actions.clone() };
        Ok(verdict.notifies().then(|| Arc::new(notification)))
    }

    /// Claims everything up to where was read. Returns the position up to which it was claimed before.
    async fn claim(&self, at: &mut Progress, notified: &Notified) -> Result<Position> {
        let read = at.read;
        let before = self
            .storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                let before = log_readers::hold(&mut tx, NAME).await?;
                if before < read {
                    log_readers::advance(&mut tx, NAME, read).await?;
                    let new = notified.iter().filter(|(_, notification)| notification.position > before);
                    for (user, notification) in new {
                        let after = Position(notification.position.0 - 1);
                        pushers::note_waiting(&mut tx, *user, after).await?;
                    }
                }
                tx.commit().await?;
                Ok(before)
            })
            .await?;
        at.stored = read.max(before);
        Ok(before)
    }
}
