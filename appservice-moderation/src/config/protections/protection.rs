//! The protections by their names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A protection.
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
