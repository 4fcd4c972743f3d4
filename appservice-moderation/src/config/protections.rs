//! What operators choose about protections: the table `[protections]` of the configuration, which
//! commands change as a whole or for one room.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::patterns::Patterns;

/// What happens when a protection finds something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Nothing: it does not look.
    Off,
    /// It is told of in the operators' room.
    #[default]
    Log,
    /// The operators are asked whether to act.
    Ask,
    /// It acts.
    Act,
}

impl Mode {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Log => "log",
            Self::Ask => "ask",
            Self::Act => "act",
        }
    }
}

/// The protections by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is described where its settings are")]
pub enum Protection {
    Flood,
    JoinWave,
    NewcomerMedia,
    Mentions,
    Invites,
    WatchedWords,
    RegistrationWave,
    BanEvasion,
    TrustedReporters,
}

impl Protection {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Flood,
        Self::JoinWave,
        Self::NewcomerMedia,
        Self::Mentions,
        Self::Invites,
        Self::WatchedWords,
        Self::RegistrationWave,
        Self::BanEvasion,
        Self::TrustedReporters,
    ];

    /// Its name in configuration, commands and what it does.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flood => "flood",
            Self::JoinWave => "join_wave",
            Self::NewcomerMedia => "newcomer_media",
            Self::Mentions => "mentions",
            Self::Invites => "invites",
            Self::WatchedWords => "watched_words",
            Self::RegistrationWave => "registration_wave",
            Self::BanEvasion => "ban_evasion",
            Self::TrustedReporters => "trusted_reporters",
        }
    }

    /// The protection that is called `name`; a hyphen is as good as an underscore.
    pub fn find(name: &str) -> Option<Self> {
        let name = name.replace('-', "_");
        Self::ALL.into_iter().find(|protection| protection.name() == name)
    }

    /// What it looks for, in a sentence.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Flood => "One user who writes too much in a room.",
            Self::JoinWave => "Many who join a room at once.",
            Self::NewcomerMedia => "Media and links from those who just joined.",
            Self::Mentions => "Messages that call too many people.",
            Self::Invites => "One user who invites too many people.",
            Self::WatchedWords => "Words that nobody should use.",
            Self::RegistrationWave => "Many accounts that are made from one network.",
            Self::BanEvasion => "Newcomers who may be somebody who was banned.",
            Self::TrustedReporters => "Messages that people report whom the operators trust.",
        }
    }

    /// Whether it looks at one room at a time, so that it can be set for one.
    pub fn is_of_rooms(self) -> bool {
        !matches!(self, Self::Invites | Self::RegistrationWave | Self::TrustedReporters)
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whom a protection passes over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exempt {
    /// Members with at least so much power in the room.
    pub power: i64,
    /// Those who have been in the room for so long; 0 exempts nobody.
    pub member_s: u64,
    /// Accounts of this server that are so old; 0 exempts nobody.
    pub account_s: u64,
    /// Users by patterns of their IDs.
    pub users: Patterns,
    /// Servers by patterns of their names.
    pub servers: Patterns,
}

impl Default for Exempt {
    fn default() -> Self {
        Self { power: 50, member_s: 0, account_s: 0, users: Patterns::default(), servers: Patterns::default() }
    }
}

/// All protections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "each is described where it is defined")]
pub struct Protections {
    /// A protection that finds more than this within an hour rests for a while.
    pub most_per_hour: u32,
    pub flood: Flood,
    pub join_wave: JoinWave,
    pub newcomer_media: NewcomerMedia,
    pub mentions: Mentions,
    pub invites: Invites,
    pub watched_words: WatchedWords,
    pub registration_wave: RegistrationWave,
    pub ban_evasion: BanEvasion,
    pub trusted_reporters: TrustedReporters,
}

impl Default for Protections {
    fn default() -> Self {
        Self {
            most_per_hour: 100,
            flood: Flood::default(),
            join_wave: JoinWave::default(),
            newcomer_media: NewcomerMedia::default(),
            mentions: Mentions::default(),
            invites: Invites::default(),
            watched_words: WatchedWords::default(),
            registration_wave: RegistrationWave::default(),
            ban_evasion: BanEvasion::default(),
            trusted_reporters: TrustedReporters::default(),
        }
    }
}

impl Protections {
    /// The mode of one.
    pub fn mode(&self, protection: Protection) -> Mode {
        match protection {
            Protection::Flood => self.flood.mode,
            Protection::JoinWave => self.join_wave.mode,
            Protection::NewcomerMedia => self.newcomer_media.mode,
            Protection::Mentions => self.mentions.mode,
            Protection::Invites => self.invites.mode,
            Protection::WatchedWords => self.watched_words.mode,
            Protection::RegistrationWave => self.registration_wave.mode,
            Protection::BanEvasion => self.ban_evasion.mode,
            Protection::TrustedReporters => self.trusted_reporters.mode,
        }
    }

    /// Whom one passes over.
    pub fn exempt(&self, protection: Protection) -> &Exempt {
        match protection {
            Protection::Flood => &self.flood.exempt,
            Protection::JoinWave => &self.join_wave.exempt,
            Protection::NewcomerMedia => &self.newcomer_media.exempt,
            Protection::Mentions => &self.mentions.exempt,
            Protection::Invites => &self.invites.exempt,
            Protection::WatchedWords => &self.watched_words.exempt,
            Protection::RegistrationWave => &self.registration_wave.exempt,
            Protection::BanEvasion => &self.ban_evasion.exempt,
            Protection::TrustedReporters => &self.trusted_reporters.exempt,
        }
    }
}

impl Protections {
    /// Refuses settings that make no sense: which option, and why.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.ban_evasion.mode == Mode::Act {
            return Err(("ban_evasion.mode", "is off, log or ask: people share names and networks"));
        }
        let above_zero = [
            ("most_per_hour", u64::from(self.most_per_hour)),
            ("flood.within_s", self.flood.within_s),
            ("join_wave.within_s", self.join_wave.within_s),
            ("invites.within_s", self.invites.within_s),
            ("registration_wave.within_s", self.registration_wave.within_s),
            ("trusted_reporters.within_s", self.trusted_reporters.within_s),
            ("trusted_reporters.reports", u64::from(self.trusted_reporters.reports)),
        ];
        match above_zero.into_iter().find(|(_, number)| *number == 0) {
            Some((name, _)) => Err((name, "must be above 0")),
            None => Ok(()),
        }
    }
}

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
