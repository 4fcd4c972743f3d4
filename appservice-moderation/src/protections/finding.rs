//! What a protection finds, and what could be done about it.

use std::time::Duration;

use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};

use super::settings::{Protection, Protections};

/// Something that a protection found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Which protection.
    pub protection: Protection,
    /// The room, if it is about one.
    pub room: Option<OwnedRoomId>,
    /// Whom it is about.
    pub users: Vec<OwnedUserId>,
    /// The events that show it.
    pub events: Vec<OwnedEventId>,
    /// What it is, as a sentence for operators. Never contents, addresses or e-mail addresses.
    pub says: String,
    /// What makes it one of its kind: the same finding has the same, also when it is made anew.
    pub cause: String,
    /// Whether it adds to an earlier finding with the same cause, of which the operators know.
    pub is_more: bool,
}

impl Finding {
    pub(super) fn new(protection: Protection, cause: &str, says: String) -> Self {
        Self {
            protection,
            room: None,
            users: Vec::new(),
            events: Vec::new(),
            says,
            cause: format!("{protection}/{cause}"),
            is_more: false,
        }
    }

    pub(super) fn in_room(self, room: &ruma::RoomId) -> Self {
        Self { room: Some(room.to_owned()), ..self }
    }

    pub(super) fn about(self, users: impl IntoIterator<Item = OwnedUserId>) -> Self {
        Self { users: users.into_iter().collect(), ..self }
    }

    pub(super) fn shown_by(self, events: impl IntoIterator<Item = OwnedEventId>) -> Self {
        Self { events: events.into_iter().collect(), ..self }
    }

    pub(super) fn as_more(self) -> Self {
        Self { is_more: true, ..self }
    }
}

/// What can be done about a finding.
#[derive(Clone, Debug, PartialEq)]
pub enum Remedy {
    /// Take an event away.
    Redact(OwnedRoomId, OwnedEventId),
    /// Let a member write nothing for a while.
    Mute(OwnedRoomId, OwnedUserId, Duration),
    /// Remove a member.
    Kick(OwnedRoomId, OwnedUserId),
    /// Let people come in by invitation only, for a while.
    Close(OwnedRoomId, Duration),
    /// Let a user invite nobody for a while.
    HoldInvites(OwnedUserId, Duration),
    /// Suspend an account of this server.
    Suspend(OwnedUserId),
    /// Ban a member.
    Ban(OwnedRoomId, OwnedUserId),
    /// Let new accounts wait for approval for a while.
    NeedApproval(Duration),
}

/// What `settings` want to be done about `finding`: the only place that decides it.
pub fn remedies(finding: &Finding, settings: &Protections, is_local: impl Fn(&ruma::UserId) -> bool) -> Vec<Remedy> {
    match finding.protection {
        Protection::Flood => in_room(finding, settings.flood.redact, settings.flood.mute_s),
        Protection::NewcomerMedia => in_room(finding, settings.newcomer_media.redact, settings.newcomer_media.mute_s),
        Protection::Mentions => in_room(finding, settings.mentions.redact, settings.mentions.mute_s),
        Protection::WatchedWords => in_room(finding, settings.watched_words.redact, settings.watched_words.mute_s),
        Protection::TrustedReporters => {
            in_room(finding, settings.trusted_reporters.redact, settings.trusted_reporters.mute_s)
        }
        Protection::JoinWave => {
            let room = finding.room.iter().filter(|_| settings.join_wave.close_s > 0);
            room.map(|room| Remedy::Close(room.clone(), seconds(settings.join_wave.close_s))).collect()
        }
        Protection::Invites => {
            let remedy = |user: &OwnedUserId| match (&finding.room, is_local(user)) {
                (_, true) if settings.invites.hold_s > 0 => {
                    Some(Remedy::HoldInvites(user.clone(), seconds(settings.invites.hold_s)))
                }
                (Some(room), false) => Some(Remedy::Kick(room.clone(), user.clone())),
                _ => None,
            };
            finding.users.iter().filter_map(remedy).collect()
        }
        Protection::RegistrationWave => {
            let settings = &settings.registration_wave;
            let accounts = finding.users.iter().filter(|_| settings.suspend).cloned().map(Remedy::Suspend);
            let approval = Some(settings.approval_s).filter(|seconds| *seconds > 0 && !finding.is_more);
            accounts.chain(approval.map(|time| Remedy::NeedApproval(seconds(time)))).collect()
        }
        // Done only by operators who are asked.
        Protection::BanEvasion => {
            let room = finding.room.iter();
            room.flat_map(|room| finding.users.iter().map(|user| Remedy::Ban(room.clone(), user.clone()))).collect()
        }
    }
}

fn in_room(finding: &Finding, redact: bool, mute_s: u64) -> Vec<Remedy> {
    let Some(room) = &finding.room else { return Vec::new() };
    let mute = finding.users.iter().filter(|_| mute_s > 0 && !finding.is_more);
    let mute = mute.map(|user| Remedy::Mute(room.clone(), user.clone(), seconds(mute_s)));
    let redactions = finding.events.iter().filter(|_| redact).map(|event| Remedy::Redact(room.clone(), event.clone()));
    mute.chain(redactions).collect()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
