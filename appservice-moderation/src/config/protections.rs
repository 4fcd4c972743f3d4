//! What operators choose about protections: the table `[protections]` of the configuration, which
//! commands change as a whole or for one room.

mod options;
mod protection;

use serde::{Deserialize, Serialize};

pub use self::{
    options::{
        BanEvasion, Flood, Invites, JoinWave, Mentions, NewcomerMedia, RegistrationWave, TrustedReporters, WatchedWords,
    },
    protection::Protection,
};
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
