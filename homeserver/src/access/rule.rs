//! A rule: whom it is about, where it holds, what it does, and why.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
};

use ipnet::IpNet;
use ruma::OwnedRoomId;

use super::{feature::Feature, glob::Glob};
use crate::{Error, Result, secrets::HASH_LENGTH};

/// A rule that is or was in force.
#[derive(Debug)]
pub struct Rule {
    /// What it is known by.
    pub id: String,
    /// How often it was written.
    pub version: i32,
    /// Whom it is about.
    pub criterion: Criterion,
    /// The criterion as administrators see it.
    pub value: String,
    /// Where it holds.
    pub scope: Scope,
    /// What it does.
    pub effect: Effect,
    /// Why, for those who are hit.
    pub public_reason: Option<String>,
    /// Why, for administrators.
    pub private_reason: Option<String>,
    /// Who wrote it last.
    pub author: String,
    /// The case it belongs to.
    pub case: Option<String>,
    /// What it comes from: a person, a list, a programme.
    pub origin: String,
    /// When it was made, in ms since the epoch, as all times here.
    pub created_at: i64,
    /// When it was written last.
    pub updated_at: i64,
    /// Until when it holds; none means for ever.
    pub expires_at: Option<i64>,
    /// When and by whom it was revoked.
    pub revoked: Option<(i64, String)>,
    /// How often it has decided something.
    pub hits: Hits,
}

impl Rule {
    /// Whether it is in force.
    pub fn is_active(&self, now_ms: i64) -> bool {
        self.revoked.is_none() && self.expires_at.is_none_or(|expiry| expiry > now_ms)
    }
}

/// How often a rule has decided something, and when last.
#[derive(Debug, Default)]
pub struct Hits {
    stored: AtomicU64,
    fresh: AtomicU64,
    last_at: AtomicI64,
}

impl Hits {
    /// What is stored of them.
    pub fn stored(count: u64, last_at: Option<i64>) -> Self {
        Self { stored: count.into(), fresh: 0.into(), last_at: last_at.unwrap_or_default().into() }
    }

    /// Counts one.
    pub fn count(&self, now_ms: i64) {
        self.fresh.fetch_add(1, Ordering::Relaxed);
        self.last_at.store(now_ms, Ordering::Relaxed);
    }

    /// How many there were, and when the last was.
    pub fn all(&self) -> (u64, Option<i64>) {
        let count = self.stored.load(Ordering::Relaxed) + self.fresh.load(Ordering::Relaxed);
        let last_at = self.last_at.load(Ordering::Relaxed);
        (count, Some(last_at).filter(|at| *at > 0))
    }

    /// Those that are not stored yet, which count as stored from now on.
    pub fn take_fresh(&self) -> u64 {
        let fresh = self.fresh.swap(0, Ordering::Relaxed);
        self.stored.fetch_add(fresh, Ordering::Relaxed);
        fresh
    }
}

/// Whom a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// Everyone about whom no other rule of the same scope says anything.
    Everyone,
    /// The users whose IDs match.
    User(Glob),
    /// The users of the servers whose names match, and these servers.
    Server(Glob),
    /// Whoever has an e-mail address, known by its keyed hash.
    Email([u8; HASH_LENGTH]),
    /// Whoever has an e-mail address in a domain, or in one below it.
    EmailDomain(String),
    /// Whoever comes from a network.
    Network(IpNet),
    /// Whoever registers with a token, known by its keyed hash.
    RegistrationToken([u8; HASH_LENGTH]),
    /// Whoever comes from a network that is known by a token in one room only.
    RoomNetwork(String),
    /// Whoever comes from a network that is known by the name under which administrators are shown it.
    NamedNetwork(String),
}

/// The kinds of criteria.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "see `Criterion`")]
pub enum Kind {
    Everyone = 0,
    User = 1,
    Server = 2,
    Email = 3,
    EmailDomain = 4,
    Network = 5,
    RegistrationToken = 6,
    RoomNetwork = 7,
    NamedNetwork = 8,
}

/// Where a rule holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everything that somebody does.
    Server,
    /// Creating an account.
    Registration,
    /// Beginning a session.
    Login,
    /// What other servers do here.
    Federation,
    /// Coming into one room and speaking there.
    Room(OwnedRoomId),
    /// The same in all rooms of a space.
    Space(OwnedRoomId),
    /// One feature.
    Feature(Feature),
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Lets through; a hole in a wider rule.
    Allow,
    /// Changes nothing, but is counted.
    LogOnly,
    /// Lets through so many times per so many milliseconds.
    RateLimit {
        /// How many times.
        count: u32,
        /// Per how long.
        per_ms: i64,
    },
    /// Lets through who has an e-mail address that is proved to be theirs.
    RequireVerifiedEmail,
    /// Lets through who has a second factor.
    RequireSecondFactor,
    /// Lets through whom an administrator has approved.
    RequireApproval,
    /// Refuses.
    Deny,
}

impl Effect {
    /// Of two effects, the stricter has the higher number; it is stored, too.
    pub fn strictness(self) -> i8 {
        match self {
            Self::Allow => 0,
            Self::LogOnly => 1,
            Self::RateLimit { .. } => 2,
            Self::RequireVerifiedEmail => 3,
            Self::RequireSecondFactor => 4,
            Self::RequireApproval => 5,
            Self::Deny => 6,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::LogOnly => "log_only",
            Self::RateLimit { .. } => "rate_limit",
            Self::RequireVerifiedEmail => "require_verified_email",
            Self::RequireSecondFactor => "require_2fa",
            Self::RequireApproval => "require_approval",
            Self::Deny => "deny",
        }
    }

    /// The effect with this strictness; the limit is for rate limits only.
    pub fn from_strictness(strictness: i8, limit: Option<(u32, i64)>) -> Option<Self> {
        Some(match strictness {
            0 => Self::Allow,
            1 => Self::LogOnly,
            2 => limit.map(|(count, per_ms)| Self::RateLimit { count, per_ms })?,
            3 => Self::RequireVerifiedEmail,
            4 => Self::RequireSecondFactor,
            5 => Self::RequireApproval,
            6 => Self::Deny,
            _ => return None,
        })
    }

    /// The effect with this name; the limit is for rate limits only.
    pub fn parse(name: &str, limit: Option<(u32, i64)>) -> Result<Self> {
        let strictness = match name {
            "rate_limit" if limit.is_none() => {
                return Err(Error::missing_param("A rate limit says how often: `limit` is missing."));
            }
            _ => (0..=6).find(|strictness| {
                Self::from_strictness(*strictness, Some((1, 1))).is_some_and(|effect| effect.name() == name)
            }),
        };
        let effect = strictness.and_then(|strictness| Self::from_strictness(strictness, limit));
        effect.ok_or_else(|| Error::invalid_param(format!("There is no effect {name:?}.")))
    }
}

/// The kinds with their names.
const KINDS: [(Kind, &str); 9] = [
    (Kind::Everyone, "everyone"),
    (Kind::User, "user"),
    (Kind::Server, "server"),
    (Kind::Email, "email"),
    (Kind::EmailDomain, "email_domain"),
    (Kind::Network, "network"),
    (Kind::RegistrationToken, "registration_token"),
    (Kind::RoomNetwork, "room_network"),
    (Kind::NamedNetwork, "named_network"),
];

impl Kind {
    /// Whether rules of this kind are about where people come from.
    pub fn is_about_networks(self) -> bool {
        matches!(self, Self::Network | Self::RoomNetwork | Self::NamedNetwork)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// The kind with this number.
    pub fn from_number(number: i8) -> Option<Self> {
        KINDS.iter().map(|(kind, _)| *kind).find(|kind| *kind as i8 == number)
    }
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = KINDS.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind);
        found.ok_or_else(|| Error::invalid_param(format!("There is no kind of rule {name:?}.")))
    }
}

impl Criterion {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Everyone => Kind::Everyone,
            Self::User(_) => Kind::User,
            Self::Server(_) => Kind::Server,
            Self::Email(_) => Kind::Email,
            Self::EmailDomain(_) => Kind::EmailDomain,
            Self::Network(_) => Kind::Network,
            Self::RegistrationToken(_) => Kind::RegistrationToken,
            Self::RoomNetwork(_) => Kind::RoomNetwork,
            Self::NamedNetwork(_) => Kind::NamedNetwork,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("server"),
            Self::Registration => f.write_str("registration"),
            Self::Login => f.write_str("login"),
            Self::Federation => f.write_str("federation"),
            Self::Room(room) => write!(f, "room:{room}"),
            Self::Space(space) => write!(f, "space:{space}"),
            Self::Feature(feature) => write!(f, "feature:{}", feature.name()),
        }
    }
}

impl FromStr for Scope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || Error::invalid_param(format!("There is no scope {text:?}."));
        let room = |id: &str| OwnedRoomId::try_from(id).map_err(|_| unknown());
        Ok(match text.split_once(':') {
            None => match text {
                "server" => Self::Server,
                "registration" => Self::Registration,
                "login" => Self::Login,
                "federation" => Self::Federation,
                _ => return Err(unknown()),
            },
            Some(("room", id)) => Self::Room(room(id)?),
            Some(("space", id)) => Self::Space(room(id)?),
            Some(("feature", name)) => Self::Feature(name.parse()?),
            Some(_) => return Err(unknown()),
        })
    }
}
