//! Who is there: in memory, with what has to outlive a restart stored now and then. Client-server
//! API, "Presence".
//!
//! Changes are told with the next answer to `/sync`. Those who wait for news are woken for a new
//! state or status, many of them not at once but within seconds; for anything less, nobody is.

pub mod people;
pub mod person;

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ruma::{OwnedUserId, UserId, presence::PresenceState};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use self::{
    people::People,
    person::{Person, State},
};
use super::{Counter, Nudges};
use crate::{
    Error, Result,
    accounts::User,
    clock::Clock,
    json::{self, Object},
    rooms::Rooms,
    storage::{Storage, numbers::UserNid, presence, rooms::Membership},
    tasks::Tasks,
};

/// How often those are looked for who have gone.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often what is to be remembered is stored.
const SAVE_INTERVAL_MS: i64 = 300_000;
/// The longest status, in bytes.
const LONGEST_STATUS: usize = 4096;

/// What others see of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who.
    pub user: UserNid,
    /// Their user ID.
    pub user_id: OwnedUserId,
    /// The state.
    pub state: State,
    /// What they say of their status.
    pub status_msg: Option<Arc<str>>,
    /// Milliseconds since they did something, if that is known.
    pub last_active_ago_ms: Option<i64>,
    /// Whether they are doing something.
    pub is_active: bool,
}

/// The presence of local users; clones share it.
#[derive(Clone, Debug)]
pub struct Presence {
    is_enabled: bool,
    storage: Storage,
    rooms: Rooms,
    clock: Clock,
    counter: Counter,
    nudges: Nudges,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    people: Mutex<People>,
    /// Whether the task has something to do before the next look.
    work: Notify,
}

impl Presence {
    /// Nobody yet; starts the task that notices who has gone, unless presence is switched off.
    pub fn start(
        is_enabled: bool,
        storage: Storage,
        rooms: Rooms,
        clock: Clock,
        (counter, nudges): (Counter, Nudges),
        tasks: &Tasks,
    ) -> Self {
        let shared = Arc::default();
        let presence = Self { is_enabled, storage, rooms, clock, counter, nudges, shared };
        if is_enabled {
            let task = presence.clone();
            tasks.start("presence", move |stop| {
                let presence = task.clone();
                async move { presence.run(stop).await }
            });
        }
        presence
    }

    /// A device of `user` asks for news and says with it what its person is. To be called when a
    /// request for news comes, and again when it was kept waiting.
    pub fn touch(&self, user: &User, state: &PresenceState) {
        // "… the client is not marked as being online when it uses this API."
        let Some(state) = state_of(state).filter(|state| *state != State::Offline) else { return };
        self.change(user, |person, now| person.hear(device_key(user), state, now));
    }

    /// `user` does something, such as to send a message.
    pub fn act(&self, user: &User) {
        self.change(user, |person, now| person.act(now));
    }

    /// `user` says what they are.
    pub async fn set(&self, user: &User, who: &UserId, state: &PresenceState, status_msg: Option<&str>) -> Result<()> {
        if who != user.id {
            return Err(Error::forbidden("You can only set your own presence."));
        }
        let state = state_of(state).ok_or_else(|| Error::invalid_param("There is no such presence state."))?;
        if status_msg.is_some_and(|status| status.len() > LONGEST_STATUS) {
            return Err(Error::invalid_param(format!("A status has at most {LONGEST_STATUS} bytes.")));
        }
        if !self.is_enabled {
            return Ok(());
        }
        let stored = presence::find(&mut *self.storage.conn().await?, user.nid).await?;
        self.change(user, |person, now| {
            person.know(stored);
            person.choose(device_key(user), state, status_msg.filter(|status| !status.is_empty()), now);
        });
        self.people().note_unsaved(user.nid);
        Ok(())
    }

    /// What `reader` may see of `who`.
    pub async fn status(&self, reader: &User, who: &UserId) -> Result<Seen> {
        let user = self.storage.find_user_nid(who).await?;
        let visible = match user {
            Some(user) if user == reader.nid || self.share_a_room(reader.nid, user).await? => Some(user),
            _ => None,
        };
        let user = visible.ok_or_else(|| Error::forbidden("You may not see this user's presence."))?;
        if let Some(seen) = self.find(user) {
            return Ok(seen);
        }
        let mut person = Person::new(who);
        if self.is_enabled {
            person.know(presence::find(&mut *self.storage.conn().await?, user).await?);
            person.conclude(self.clock.now_ms());
        }
        Ok(self.seen(user, &person))
    }

    /// What is known of somebody who was there since the server started.
    pub fn find(&self, user: UserNid) -> Option<Seen> {
        self.people().find(user).map(|person| self.seen(user, person))
    }

    /// The number of the newest change of typing or presence. To be asked for before the changes.
    pub fn counter(&self) -> u64 {
        self.counter.current()
    }

    /// Those whose presence has changed after `since`, as far as they are `visible`; with `since` 0,
    /// for readers who know nothing, all who are there.
    pub fn changed_since(&self, since: u64, visible: impl Fn(UserNid) -> bool) -> Vec<Seen> {
        if since > 0 && since >= self.counter.current() {
            return Vec::new();
        }
        let people = self.people();
        let changed = people.changed_since(since).filter(|(user, _)| visible(*user));
        changed.map(|(user, person)| self.seen(user, person)).collect()
    }

    fn seen(&self, user: UserNid, person: &Person) -> Seen {
        let shown = person.shown();
        let is_known = person.last_active_at > 0;
        Seen {
            user,
            user_id: person.user_id.clone(),
            state: shown.state,
            status_msg: shown.status_msg.clone(),
            last_active_ago_ms: is_known.then(|| (self.clock.now_ms() - person.last_active_at).max(0)),
            is_active: shown.is_active,
        }
    }

    fn change(&self, user: &User, change: impl FnOnce(&mut Person, i64)) {
        if !self.is_enabled {
            return;
        }
        let now = self.clock.now_ms();
        let has_work = {
            let mut people = self.people();
            people.change(user.nid, &user.id, now, || self.counter.advance(), |person| change(person, now));
            people.has_work()
        };
        if has_work {
            self.shared.work.notify_one();
        }
    }

    async fn share_a_room(&self, one: UserNid, other: UserNid) -> Result<bool> {
        for (room, residence) in self.rooms.residents().load(one).await? {
            if residence.membership == Membership::Join && self.rooms.load(room).await?.is_joined(other) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn run(&self, stop: CancellationToken) {
        let mut saved_at = self.clock.now_ms();
        loop {
            let is_stopping = tokio::select! {
                () = self.shared.work.notified() => false,
                () = tokio::time::sleep(INTERVAL) => false,
                () = stop.cancelled() => true,
            };
            let now = self.clock.now_ms();
            let is_time_to_save = is_stopping || now.saturating_sub(saved_at) >= SAVE_INTERVAL_MS;
            if let Err(error) = self.work(now, is_time_to_save).await {
                warn!(%error, "People's presence could not be read, told or stored");
            }
            if is_time_to_save {
                saved_at = now;
            }
            if is_stopping {
                return;
            }
        }
    }

    async fn work(&self, now: i64, is_time_to_save: bool) -> Result<()> {
        let unknown = self.people().take_unknown();
        for (user, user_id) in unknown {
            let stored = presence::find(&mut *self.storage.conn().await?, user).await?;
            self.people().change(user, &user_id, now, || self.counter.advance(), |person| person.know(stored));
        }
        let news = {
            let mut people = self.people();
            people.look(now, || self.counter.advance());
            people.take_news()
        };
        for user in news {
            self.tell(user).await?;
        }
        if is_time_to_save {
            let rows = self.people().take_unsaved();
            presence::save(&mut *self.storage.conn().await?, &rows).await?;
        }
        Ok(())
    }

    /// Wakes those who share a room with `user`.
    async fn tell(&self, user: UserNid) -> Result<()> {
        let residences = self.rooms.residents().load(user).await?;
        let joined = residences.iter().filter(|(_, residence)| residence.membership == Membership::Join);
        let mut sharers = HashSet::new();
        // A room that is not in memory has nobody who waits for it.
        for view in joined.filter_map(|(room, _)| self.rooms.in_memory(*room)) {
            sharers.extend(view.local.iter().copied());
        }
        self.nudges.wake(sharers.iter());
        Ok(())
    }

    fn people(&self) -> std::sync::MutexGuard<'_, People> {
        self.shared.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Appends an `m.presence` event.
    pub fn write_event(&self, out: &mut String) {
        json::write_object(out, |event| {
            event.object("content", |content| self.write(content));
            event.text("sender", self.user_id.as_str());
            event.text("type", "m.presence");
        });
    }

    /// Writes the members that the event's content and the answer to a question have in common.
    pub fn write(&self, content: &mut Object<'_>) {
        content.text("presence", self.state.as_str());
        if let Some(ago) = self.last_active_ago_ms {
            content.plain("last_active_ago", ago);
        }
        if let Some(status_msg) = &self.status_msg {
            content.text("status_msg", status_msg);
        }
        if self.state == State::Online {
            content.plain("currently_active", self.is_active);
        }
    }
}

fn state_of(state: &PresenceState) -> Option<State> {
    match state {
        PresenceState::Online => Some(State::Online),
        PresenceState::Unavailable => Some(State::Unavailable),
        PresenceState::Offline => Some(State::Offline),
        _ => None,
    }
}

/// What stands for a user's device.
fn device_key(user: &User) -> u64 {
    let mut hasher = DefaultHasher::new();
    user.device_id.hash(&mut hasher);
    hasher.finish()
}
