//! The options of each protection, with their defaults.

use serde::{Deserialize, Serialize};

use super::{Exempt, Mode, Patterns};

/// One user who writes too much in a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flood {
    /// What happens.
    pub mode: Mode,
    /// More than so many events …
    pub events: u32,
    /// … within so many seconds.
    pub within_s: u64,
    /// Whether the events are redacted.
    pub redact: bool,
    /// How long the user is muted; 0 mutes nobody.
    pub mute_s: u64,
    /// Whom it passes over.
    pub exempt: Exempt,
}

impl Default for Flood {
    fn default() -> Self {
        Self { mode: Mode::Log, events: 10, within_s: 60, redact: true, mute_s: 600, exempt: Exempt::default() }
    }
}

/// Many who join a room at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JoinWave {
    /// What happens.
    pub mode: Mode,
    /// More than so many joins …
    pub joins: u32,
    /// … within so many seconds.
    pub within_s: u64,
    /// How long the room can be joined by invitation only.
    pub close_s: u64,
    /// Whose joins do not count.
    pub exempt: Exempt,
}

impl Default for JoinWave {
    fn default() -> Self {
        Self { mode: Mode::Ask, joins: 50, within_s: 180, close_s: 1800, exempt: Exempt::default() }
    }
}

/// Media and links from those who just joined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewcomerMedia {
    /// What happens.
    pub mode: Mode,
    /// How long after joining somebody is a newcomer …
    pub within_s: u64,
    /// … whose first messages, so many, are looked at.
    pub messages: u32,
    /// Whether pictures, videos, sounds, files and stickers are found.
    pub media: bool,
    /// Whether links are found.
    pub links: bool,
    /// Whether the message is redacted.
    pub redact: bool,
    /// How long the user is muted; 0 mutes nobody.
    pub mute_s: u64,
    /// Whom it passes over.
    pub exempt: Exempt,
}

impl Default for NewcomerMedia {
    fn default() -> Self {
        Self {
            mode: Mode::Log,
            within_s: 600,
            messages: 1,
            media: true,
            links: true,
            redact: true,
            mute_s: 0,
            exempt: Exempt::default(),
        }
    }
}

/// Messages that call too many people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mentions {
    /// What happens.
    pub mode: Mode,
    /// More than so many people in one message …
    pub users: u32,
    /// … or the whole room, by somebody who has not the power to do so.
    pub whole_room: bool,
    /// Whether the message is redacted.
    pub redact: bool,
    /// How long the user is muted; 0 mutes nobody.
    pub mute_s: u64,
    /// Whom it passes over.
    pub exempt: Exempt,
}

impl Default for Mentions {
    fn default() -> Self {
        Self { mode: Mode::Log, users: 8, whole_room: true, redact: true, mute_s: 600, exempt: Exempt::default() }
    }
}

/// One user who invites too many into protected rooms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Invites {
    /// What happens.
    pub mode: Mode,
    /// More than so many invitations …
    pub invites: u32,
    /// … within so many seconds.
    pub within_s: u64,
    /// How long a user of this server can invite nobody, anywhere. Users of other servers are removed
    /// from the rooms.
    pub hold_s: u64,
    /// Whom it passes over.
    pub exempt: Exempt,
}

impl Default for Invites {
    fn default() -> Self {
        Self { mode: Mode::Log, invites: 20, within_s: 3600, hold_s: 3600, exempt: Exempt::default() }
    }
}

/// Words that nobody should use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatchedWords {
    /// What happens.
    pub mode: Mode,
    /// Words, or patterns of words with `*` and `?`; of several words, each must follow the other.
    pub words: Patterns,
    /// Whether names that people give themselves are looked at, too.
    pub names: bool,
    /// Whether the message is redacted.
    pub redact: bool,
    /// How long the user is muted; 0 mutes nobody.
    pub mute_s: u64,
    /// Whom it passes over.
    pub exempt: Exempt,
}

impl Default for WatchedWords {
    fn default() -> Self {
        Self {
            mode: Mode::Ask,
            words: Patterns::default(),
            names: true,
            redact: true,
            mute_s: 0,
            exempt: Exempt::default(),
        }
    }
}

/// Many accounts that are made from one network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistrationWave {
    /// What happens.
    pub mode: Mode,
    /// More than so many accounts …
    pub accounts: u32,
    /// … within so many seconds from one network.
    pub within_s: u64,
    /// Whether the accounts are suspended.
    pub suspend: bool,
    /// How long every new account needs to be approved; 0 changes nothing about that.
    pub approval_s: u64,
    /// Whom it passes over.
    pub exempt: Exempt,
}

impl Default for RegistrationWave {
    fn default() -> Self {
        Self { mode: Mode::Ask, accounts: 5, within_s: 600, suspend: true, approval_s: 0, exempt: Exempt::default() }
    }
}

/// Newcomers who may be somebody who was banned. Never acts by itself: people share names and networks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BanEvasion {
    /// What happens: at most `ask`.
    pub mode: Mode,
    /// So long after a ban newcomers are compared with who was banned.
    pub within_s: u64,
    /// Names are alike that differ in at most so many letters, and in no more than a quarter of them.
    pub letters: u32,
    /// Whether networks are compared, which the homeserver tells of people of this server only.
    pub networks: bool,
    /// Whom it passes over.
    pub exempt: Exempt,
}

impl Default for BanEvasion {
    fn default() -> Self {
        Self { mode: Mode::Log, within_s: 30 * 24 * 3600, letters: 2, networks: true, exempt: Exempt::default() }
    }
}

/// Reports by people whom the operators trust.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrustedReporters {
    /// What happens.
    pub mode: Mode,
    /// Who they are, by patterns of their IDs.
    pub reporters: Patterns,
    /// So many of them must report the same message …
    pub reports: u32,
    /// … within so many seconds.
    pub within_s: u64,
    /// Whether the message is redacted.
    pub redact: bool,
    /// How long its sender is muted in the room; 0 mutes nobody.
    pub mute_s: u64,
    /// Whose messages it passes over.
    pub exempt: Exempt,
}

impl Default for TrustedReporters {
    fn default() -> Self {
        Self {
            mode: Mode::Ask,
            reporters: Patterns::default(),
            reports: 2,
            within_s: 24 * 3600,
            redact: true,
            mute_s: 0,
            exempt: Exempt::default(),
        }
    }
}
