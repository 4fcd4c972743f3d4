//! How often somebody may do something: one token bucket per action and subject.
//!
//! A bucket is a single number, the time at which it will be full again (the generic cell rate
//! algorithm), so buckets that are full need not be kept.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    Error, Result,
    clock::Clock,
    config::{Limit, RateLimits as Limits},
    storage::numbers::UserNid,
};

#[cfg(test)]
mod tests;

/// The buckets are spread over so many locks.
const SHARDS: usize = 32;
/// At most so many buckets are kept per lock, about 4 MiB in all.
const BUCKETS: usize = 2048;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A request without a session, by address.
    Anonymous,
    /// A request with a session that is none of the following, by user.
    Default,
    /// Trying to log in, by address.
    Login,
    /// A wrong password for one account from one address.
    FailedLogin,
    /// A wrong password for one account from anywhere.
    FailedLoginAnywhere,
    /// Asking for a message to an e-mail address, by address of the client.
    Email,
    /// Asking for a message to one e-mail address.
    EmailTo,
    /// Trying to register, by address.
    Registration,
    /// Sending an event, by user.
    Message,
    /// Creating a room, by user.
    RoomCreation,
    /// Joining a room, by user.
    Join,
    /// Inviting somebody, by user.
    Invite,
    /// Uploading a file, by user.
    Media,
    /// What an access rule is about, known by a hash of its ID.
    Rule(u64),
}

/// Whom a bucket belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A user of this server.
    User(UserNid),
    /// A client's address: of IPv6, the network that a customer gets.
    Address(u128),
    /// A name that somebody tries to log in with, known by its hash, and where from.
    Name(u64, Option<u128>),
}

impl Subject {
    /// The subject that `address` belongs to.
    pub fn address(address: IpAddr) -> Self {
        Self::Address(network(address))
    }
}

/// The address itself, or the /64 network of an IPv6 address.
fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits() >> 64 << 64,
    }
}

/// All buckets; clones share them.
#[derive(Clone, Debug)]
pub struct RateLimits {
    /// None when nothing is limited.
    buckets: Option<Arc<Buckets>>,
}

#[derive(Debug)]
struct Buckets {
    clock: Clock,
    limits: Limits,
    hasher: RandomState,
    /// For each bucket that is not full, when it will be, in microseconds.
    shards: [Mutex<HashMap<Key, i64>>; SHARDS],
}

type Key = (Action, Subject);

impl RateLimits {
    /// Full buckets of the configured sizes.
    pub fn new(limits: &Limits, clock: Clock) -> Self {
        let buckets = limits.enabled.then(|| {
            let shards = std::array::from_fn(|_| Mutex::default());
            Arc::new(Buckets { clock, limits: limits.clone(), hasher: RandomState::new(), shards })
        });
        Self { buckets }
    }

    /// Full buckets for the limits of access rules, which hold whatever is configured.
    pub fn of_rules(clock: Clock) -> Self {
        Self::new(&Limits { enabled: true, ..Limits::default() }, clock)
    }

    /// The subject of attempts to log in as `name` from `address`, or from anywhere.
    pub fn name(&self, name: &str, address: Option<IpAddr>) -> Subject {
        let hash = self.buckets.as_ref().map_or(0, |buckets| buckets.hasher.hash_one(name));
        Subject::Name(hash, address.map(network))
    }

    /// Counts one `action` of `subject`, or refuses it and tells when it will be allowed.
    pub fn take(&self, action: Action, subject: Subject) -> Result<()> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        buckets.take((action, subject), buckets.limit(action))
    }

    /// The same with another limit than the configured one.
    pub fn take_at(&self, action: Action, subject: Subject, limit: Limit) -> Result<()> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        buckets.take((action, subject), limit)
    }

    /// The same for the limit that the access rule `rule` sets.
    pub fn take_for(&self, rule: &str, subject: Subject, limit: Limit) -> Result<()> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        buckets.take((Action::Rule(buckets.hasher.hash_one(rule)), subject), limit)
    }

    /// Takes back one [`Self::take`] of something that does not count after all.
    pub fn give_back(&self, action: Action, subject: Subject) {
        let Some(buckets) = &self.buckets else { return };
        let limit = Spacing::of(buckets.limit(action));
        let key = (action, subject);
        if let Some(full_at) = buckets.shard(&key).get_mut(&key) {
            *full_at -= limit.interval;
        }
    }
}

impl Buckets {
    fn take(&self, key: Key, limit: Limit) -> Result<()> {
        let limit = Spacing::of(limit);
        let now = self.now();
        let mut shard = self.shard(&key);
        let full_at = shard.get(&key).copied().unwrap_or(now).max(now);
        let wait = full_at.saturating_add(limit.interval).saturating_sub(limit.whole).saturating_sub(now);
        if wait > 0 {
            return Err(Error::limit_exceeded(Duration::from_micros(wait.unsigned_abs())));
        }
        if shard.len() >= BUCKETS {
            forget_fullest(&mut shard, now);
        }
        shard.insert(key, full_at.saturating_add(limit.interval));
        Ok(())
    }

    fn now(&self) -> i64 {
        self.clock.now_ms().saturating_mul(1000)
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, HashMap<Key, i64>> {
        let hash = self.hasher.hash_one(key);
        let index = usize::try_from(hash % SHARDS as u64).expect("the remainder is small");
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limit(&self, action: Action) -> Limit {
        match action {
            Action::Anonymous => self.limits.anonymous,
            Action::Default => self.limits.default,
            Action::Login => self.limits.login,
            Action::FailedLogin => self.limits.failed_login,
            Action::FailedLoginAnywhere => self.limits.failed_login_anywhere,
            Action::Email => self.limits.email,
            Action::EmailTo => self.limits.email_to,
            Action::Registration => self.limits.registration,
            Action::Message => self.limits.message,
            Action::RoomCreation => self.limits.room_creation,
            Action::Join => self.limits.join,
            Action::Invite => self.limits.invite,
            Action::Media => self.limits.media,
            // Rules bring their limits along.
            Action::Rule(_) => self.limits.default,
        }
    }
}

/// A limit in microseconds.
struct Spacing {
    /// How long one action takes to be forgotten.
    interval: i64,
    /// How long a whole bucket takes.
    whole: i64,
}

impl Spacing {
    #[expect(clippy::cast_possible_truncation, reason = "float casts saturate, and a longer wait is no wait less")]
    fn of(limit: Limit) -> Self {
        let interval = (1e6 / limit.per_second.max(1e-6)) as i64;
        Self { interval, whole: interval.saturating_mul(i64::from(limit.burst.max(1))) }
    }
}

/// Makes room by forgetting the buckets that are full, then those that are nearest to it: they say
/// the least. So nobody empties the table of those who are being held off by filling it with
/// strangers.
fn forget_fullest(shard: &mut HashMap<Key, i64>, now: i64) {
    let mut threshold = now;
    let mut step = 1_000_000;
    while shard.len() > BUCKETS * 3 / 4 {
        shard.retain(|_, full_at| *full_at > threshold);
        threshold = threshold.saturating_add(step);
        step *= 2;
    }
}
