//! One person's presence: what their devices and they themselves say, and what follows from it.
//! Client-server API, "Presence". Times are in milliseconds since the epoch.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use ruma::{OwnedUserId, UserId};

use crate::storage::{numbers::UserNid, presence::PresenceRow};

/// A device counts as connected for so long after it was last heard of.
const CONNECTED_MS: i64 = 60_000;
/// Somebody counts as active for so long after they did something.
const ACTIVE_MS: i64 = 60_000;
/// Somebody who has done nothing for so long is idle, whatever their devices say.
const IDLE_MS: i64 = 300_000;
/// Those who are away are forgotten after so long; what is stored of them is not.
const REMEMBERED_MS: i64 = 86_400_000;

/// The three states, in the order of their weight: a person is what their liveliest device is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Not connected, or wishing to look so.
    #[default]
    Offline,
    /// Connected, but not to be reached.
    Unavailable,
    /// There.
    Online,
}

impl State {
    /// The specification's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Unavailable => "unavailable",
            Self::Online => "online",
        }
    }
}

/// What others see of a person, as far as a change of it is news.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The state.
    pub state: State,
    /// Whether they do something at this moment.
    pub is_active: bool,
    /// What they say of their status.
    pub status_msg: Option<Arc<str>>,
}

/// A person, as far as presence goes.
#[derive(Debug)]
pub struct Person {
    /// Who.
    pub user_id: OwnedUserId,
    /// When they last did something; 0 if that is not known.
    pub last_active_at: i64,
    /// The number of the newest change of what is shown.
    pub changed: u64,
    /// When they are to be looked at again.
    pub look_at: i64,
    /// When they or their devices were last heard of.
    heard_at: i64,
    devices: Vec<Device>,
    chosen: Choice,
    status_msg: Option<Arc<str>>,
    /// Whether what is stored of them was taken into account. Nothing is shown before.
    is_known: bool,
    shown: Shown,
}

/// What a person said of themselves that holds whatever their devices say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    None,
    /// Until they do something.
    Idle,
    /// Until they choose otherwise.
    Hidden,
}

#[derive(Clone, Copy, Debug)]
struct Device {
    key: u64,
    state: State,
    heard_at: i64,
}

impl Person {
    /// Somebody of whom nothing is known yet.
    pub fn new(user_id: &UserId) -> Self {
        Self {
            user_id: user_id.to_owned(),
            last_active_at: 0,
            changed: 0,
            look_at: i64::MAX,
            heard_at: 0,
            devices: Vec::new(),
            chosen: Choice::None,
            status_msg: None,
            is_known: false,
            shown: Shown::default(),
        }
    }

    /// What others see.
    pub fn shown(&self) -> &Shown {
        &self.shown
    }

    /// Whether what is stored of them was taken into account.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    /// Takes into account what is stored of them.
    pub fn know(&mut self, stored: Option<PresenceRow>) {
        if self.is_known {
            return;
        }
        self.is_known = true;
        let Some(stored) = stored else { return };
        if stored.is_hidden {
            self.chosen = Choice::Hidden;
        }
        self.status_msg = stored.status_msg.map(Into::into);
        self.last_active_at = self.last_active_at.max(stored.last_active_at);
    }

    /// What is to be stored of them.
    pub fn row(&self, user: UserNid) -> PresenceRow {
        PresenceRow {
            user,
            is_hidden: self.chosen == Choice::Hidden,
            status_msg: self.status_msg.as_deref().map(ToOwned::to_owned),
            last_active_at: self.last_active_at,
        }
    }

    /// A device is connected and says so of its person.
    pub fn hear(&mut self, key: u64, state: State, now: i64) {
        self.heard_at = now;
        if state == State::Online && !self.was_online(now) {
            // To come, or to come back, is to do something.
            self.last_active_at = now;
        }
        if let Some(device) = self.devices.iter_mut().find(|device| device.key == key) {
            *device = Device { key, state, heard_at: now };
            return;
        }
        self.devices.retain(|device| is_connected(device, now));
        self.devices.push(Device { key, state, heard_at: now });
    }

    /// They say of themselves what they are.
    pub fn choose(&mut self, key: u64, state: State, status_msg: Option<&str>, now: i64) {
        self.heard_at = now;
        self.status_msg = status_msg.map(Into::into);
        self.chosen = match state {
            State::Online => Choice::None,
            State::Unavailable => Choice::Idle,
            State::Offline => Choice::Hidden,
        };
        if state != State::Offline {
            self.hear(key, state, now);
        }
        if state == State::Online {
            self.last_active_at = now;
        }
    }

    /// They do something, such as to send a message.
    pub fn act(&mut self, now: i64) {
        self.heard_at = now;
        self.last_active_at = now;
        if self.chosen == Choice::Idle {
            self.chosen = Choice::None;
        }
        for device in &mut self.devices {
            device.state = State::Online;
        }
    }

    /// Draws the conclusions at `now`. Returns what was shown before, if that has changed.
    pub fn conclude(&mut self, now: i64) -> Option<Shown> {
        let (state, is_active) = self.state(now);
        if (state, is_active) == (self.shown.state, self.shown.is_active) && self.status_msg == self.shown.status_msg {
            return None;
        }
        let shown = Shown { state, is_active, status_msg: self.status_msg.clone() };
        Some(std::mem::replace(&mut self.shown, shown))
    }

    /// When to draw conclusions again though nobody has said anything.
    pub fn due(&self, now: i64) -> i64 {
        let expiries = self.devices.iter().map(|device| device.heard_at.saturating_add(CONNECTED_MS));
        let rests = [ACTIVE_MS, IDLE_MS].map(|rest| self.last_active_at.saturating_add(rest));
        let next = expiries.chain(rests).filter(|due| *due > now).min();
        next.unwrap_or_else(|| self.forgotten_at().max(now.saturating_add(CONNECTED_MS)))
    }

    /// Whether they have been away for so long that they need not be kept in memory.
    pub fn is_long_gone(&self, now: i64) -> bool {
        self.shown.state == State::Offline && self.forgotten_at() <= now
    }

    fn forgotten_at(&self) -> i64 {
        self.heard_at.saturating_add(REMEMBERED_MS)
    }

    fn state(&self, now: i64) -> (State, bool) {
        if !self.is_known || self.chosen == Choice::Hidden {
            return (State::Offline, false);
        }
        let state = self.devices_say(now);
        let rested_for = now.saturating_sub(self.last_active_at);
        if state == State::Online && (self.chosen == Choice::Idle || rested_for >= IDLE_MS) {
            return (State::Unavailable, false);
        }
        (state, state == State::Online && rested_for < ACTIVE_MS)
    }

    /// Whether a device that is heard of at `now` finds its person online. One that was heard of just
    /// when it counts as gone has stayed.
    fn was_online(&self, now: i64) -> bool {
        let stayed = |device: &&Device| now.saturating_sub(device.heard_at) <= CONNECTED_MS;
        self.devices.iter().filter(stayed).any(|device| device.state == State::Online)
    }

    fn devices_say(&self, now: i64) -> State {
        let connected = self.devices.iter().filter(|device| is_connected(device, now));
        connected.map(|device| device.state).max().unwrap_or_default()
    }
}

fn is_connected(device: &Device, now: i64) -> bool {
    now.saturating_sub(device.heard_at) < CONNECTED_MS
}
