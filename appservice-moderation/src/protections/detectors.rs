//! Looks at everything that happens in protected rooms and to the server, and finds what is wrong with it.
//! Pure but for its memory, which is bounded and may be lost.

mod evasion;
mod newcomers;
mod words;

use std::collections::BTreeSet;

use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, UserId};

pub use self::evasion::names_are_alike;
use self::{evasion::Evasion, newcomers::Newcomers};
use super::{
    finding::Finding,
    settings::{Mode, Protection, Protections},
    sight::{Said, Sight, What},
    standing::Standing,
    tally::{Count, Limit, Tally},
};

/// The memory of all protections.
#[derive(Debug, Default)]
pub struct Detectors {
    flood: Tally<(OwnedRoomId, OwnedUserId)>,
    joins: Tally<OwnedRoomId>,
    invites: Tally<OwnedUserId>,
    registrations: Tally<String>,
    reports: Tally<OwnedEventId>,
    newcomers: Newcomers,
    evasion: Evasion,
}

/// A message that somebody reported.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Report {
    pub reporter: OwnedUserId,
    pub room: OwnedRoomId,
    pub event: OwnedEventId,
    pub sender: OwnedUserId,
    pub at: i64,
}

impl Detectors {
    /// Looks at an event of a sender with `standing`; `now` is when it arrived.
    pub fn see(&mut self, sight: &Sight, standing: &Standing, settings: &Protections, now: i64) -> Vec<Finding> {
        let looks = |protection| {
            settings.mode(protection) != Mode::Off && !settings.exempt(protection).covers(&sight.sender, standing, now)
        };
        let mut findings = Vec::new();
        match &sight.what {
            What::Joined { name } => {
                self.newcomers.joined(sight);
                findings.extend(looks(Protection::JoinWave).then(|| self.joined(sight, settings)).flatten());
                if looks(Protection::BanEvasion) {
                    findings.extend(self.evasion.joined(sight, name.as_deref(), &settings.ban_evasion));
                }
                findings.extend(self.named(sight, name.as_deref(), settings, looks(Protection::WatchedWords)));
            }
            What::Renamed { name } => {
                findings.extend(self.named(sight, name.as_deref(), settings, looks(Protection::WatchedWords)));
            }
            What::Invited { .. } => {
                findings.extend(looks(Protection::Invites).then(|| self.invited(sight, settings)).flatten());
            }
            What::Banned { user, name } => self.evasion.banned(sight, user, name.as_deref()),
            What::Unbanned { user } => self.evasion.unbanned(&sight.room, user),
            What::Said(said) => {
                findings.extend(looks(Protection::Flood).then(|| self.sent(sight, settings)).flatten());
                findings.extend(self.newcomers.said(
                    sight,
                    said,
                    standing,
                    &settings.newcomer_media,
                    looks(Protection::NewcomerMedia),
                ));
                if looks(Protection::Mentions) {
                    findings.extend(mentions(sight, said, standing, settings));
                }
                if looks(Protection::WatchedWords) {
                    findings.extend(words::said(sight, said, &settings.watched_words));
                }
            }
            What::Sent => findings.extend(looks(Protection::Flood).then(|| self.sent(sight, settings)).flatten()),
            What::Other => {}
        }
        findings
    }

    /// Who was banned from a room since then, the latest last.
    pub fn recently_banned(&self, room: &ruma::RoomId, since: i64) -> Vec<OwnedUserId> {
        self.evasion.recently_banned(room, since)
    }

    /// Notes an account that was made from the network that is called `network`.
    pub fn registered(&mut self, user: &UserId, network: &str, at: i64, settings: &Protections) -> Option<Finding> {
        let wave = &settings.registration_wave;
        if wave.mode == Mode::Off || wave.exempt.users.match_any(user.as_str()) {
            return None;
        }
        let limit = Limit { most: wave.accounts, within_s: wave.within_s };
        let found = |cause: &str, users: Vec<OwnedUserId>, says| {
            let cause = format!("{network}/{cause}");
            Finding::new(Protection::RegistrationWave, &cause, says).about(users)
        };
        match self.registrations.note(network.to_owned(), user.as_str(), at, limit) {
            Count::Few => None,
            Count::TooMany(users) => {
                let users: Vec<OwnedUserId> = users.iter().filter_map(|user| UserId::parse(user).ok()).collect();
                let says = format!("{} accounts were made from the network {network} in a short time.", users.len());
                Some(found(user.as_str(), users, says))
            }
            Count::More(began) => {
                let says = format!("Another account was made from the network {network}.");
                Some(found(&began, vec![user.to_owned()], says).continued())
            }
        }
    }

    /// Notes a report of a message by anybody; `standing` is that of the message's sender.
    pub fn reported(&mut self, report: &Report, standing: &Standing, settings: &Protections) -> Option<Finding> {
        let trusted = &settings.trusted_reporters;
        let is_of_interest = trusted.mode != Mode::Off
            && trusted.reporters.match_any(report.reporter.as_str())
            && report.reporter != report.sender
            && !trusted.exempt.covers(&report.sender, standing, report.at);
        if !is_of_interest {
            return None;
        }
        let limit = Limit { most: trusted.reports.saturating_sub(1), within_s: trusted.within_s };
        let count = self.reports.note(report.event.clone(), report.reporter.as_str(), report.at, limit);
        let Count::TooMany(reporters) = count else { return None };
        let says = format!("A message by {} was reported by {}.", report.sender, reporters.join(", "));
        let finding = Finding::new(Protection::TrustedReporters, report.event.as_str(), says);
        Some(finding.in_room(&report.room).about([report.sender.clone()]).shown_by([report.event.clone()]))
    }

    fn sent(&mut self, sight: &Sight, settings: &Protections) -> Option<Finding> {
        let limit = Limit { most: settings.flood.events, within_s: settings.flood.within_s };
        let key = (sight.room.clone(), sight.sender.clone());
        let count = self.flood.note(key, sight.event.as_str(), sight.at, limit);
        let says = format!("{} sent more than {} events within {} seconds.", sight.sender, limit.most, limit.within_s);
        found(Protection::Flood, sight, count, says)
    }

    fn joined(&mut self, sight: &Sight, settings: &Protections) -> Option<Finding> {
        let limit = Limit { most: settings.join_wave.joins, within_s: settings.join_wave.within_s };
        let count = self.joins.note(sight.room.clone(), sight.event.as_str(), sight.at, limit);
        // One is enough: closing the room twice helps nobody.
        let Count::TooMany(events) = count else { return None };
        let says = format!("More than {} people joined within {} seconds.", limit.most, limit.within_s);
        let events = events.iter().filter_map(|event| OwnedEventId::try_from(event.as_str()).ok());
        let cause = sight.event.as_str();
        Some(Finding::new(Protection::JoinWave, cause, says).in_room(&sight.room).shown_by(events))
    }

    fn invited(&mut self, sight: &Sight, settings: &Protections) -> Option<Finding> {
        let limit = Limit { most: settings.invites.invites, within_s: settings.invites.within_s };
        let count = self.invites.note(sight.sender.clone(), sight.event.as_str(), sight.at, limit);
        let Count::TooMany(_) = count else { return None };
        let says =
            format!("{} invited more than {} people within {} seconds.", sight.sender, limit.most, limit.within_s);
        found(Protection::Invites, sight, count, says)
    }

    fn named(&self, sight: &Sight, name: Option<&str>, settings: &Protections, looks: bool) -> Option<Finding> {
        let watched = &settings.watched_words;
        if !looks || !watched.names {
            return None;
        }
        words::named(sight, name, watched)
    }
}

/// The finding of a count of one user's events in a room.
fn found(protection: Protection, sight: &Sight, count: Count, says: String) -> Option<Finding> {
    let finding =
        |cause: &str| Finding::new(protection, cause, says.clone()).in_room(&sight.room).about([sight.sender.clone()]);
    match count {
        Count::Few => None,
        Count::TooMany(events) => {
            let events = events.iter().filter_map(|event| OwnedEventId::try_from(event.as_str()).ok());
            Some(finding(sight.event.as_str()).shown_by(events))
        }
        Count::More(began) => Some(finding(&began).shown_by([sight.event.clone()]).continued()),
    }
}

fn mentions(sight: &Sight, said: &Said, standing: &Standing, settings: &Protections) -> Option<Finding> {
    let settings = &settings.mentions;
    let others: BTreeSet<&String> = said.mentions.iter().filter(|user| *user != sight.sender.as_str()).collect();
    let says = if others.len() > usize::try_from(settings.users).unwrap_or(usize::MAX) {
        format!("{} mentioned {} people in one message.", sight.sender, others.len())
    } else if settings.whole_room && said.calls_room && !standing.may_call_room {
        format!("{} called the whole room without the power to do so.", sight.sender)
    } else {
        return None;
    };
    let finding = Finding::new(Protection::Mentions, sight.event.as_str(), says);
    Some(finding.in_room(&sight.room).about([sight.sender.clone()]).shown_by([sight.event.clone()]))
}

/// A hint that a newcomer comes from a network of somebody who was banned.
pub fn same_network(room: &ruma::RoomId, newcomer: &UserId, banned: &UserId) -> Finding {
    evasion::finding(room, newcomer, banned, "comes from a network of")
}

#[cfg(test)]
mod tests;
