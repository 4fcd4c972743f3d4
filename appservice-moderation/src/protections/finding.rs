//! What a protection finds, and what is done about it if it acts.

use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde_json::json;

use super::settings::{Protection, Protections};
use crate::{actions::Act, matrix::RuleForm};

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

/// What is done about a finding.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// The acts.
    pub acts: Vec<Act>,
    /// After how long they are taken back, in milliseconds.
    pub for_ms: Option<i64>,
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

    pub(super) fn in_room(self, room: &RoomId) -> Self {
        Self { room: Some(room.to_owned()), ..self }
    }

    pub(super) fn about(self, users: impl IntoIterator<Item = OwnedUserId>) -> Self {
        Self { users: users.into_iter().collect(), ..self }
    }

    pub(super) fn shown_by(self, events: impl IntoIterator<Item = OwnedEventId>) -> Self {
        Self { events: events.into_iter().collect(), ..self }
    }

    pub(super) fn continued(self) -> Self {
        Self { is_more: true, ..self }
    }

    /// What comes of rules that it makes.
    pub fn origin(&self) -> String {
        format!("protection:{}", self.protection)
    }

    /// What `settings` want to be done about it now: the only place that decides it.
    pub fn response(&self, settings: &Protections, is_local: impl Fn(&UserId) -> bool, now_ms: i64) -> Response {
        match self.protection {
            Protection::Flood => self.in_its_room(settings.flood.redact, settings.flood.mute_s),
            Protection::NewcomerMedia => {
                self.in_its_room(settings.newcomer_media.redact, settings.newcomer_media.mute_s)
            }
            Protection::Mentions => self.in_its_room(settings.mentions.redact, settings.mentions.mute_s),
            Protection::WatchedWords => self.in_its_room(settings.watched_words.redact, settings.watched_words.mute_s),
            Protection::TrustedReporters => {
                self.in_its_room(settings.trusted_reporters.redact, settings.trusted_reporters.mute_s)
            }
            Protection::JoinWave => {
                let close = |room: &OwnedRoomId| Act::SetState {
                    room: room.clone(),
                    kind: "m.room.join_rules".to_owned(),
                    key: String::new(),
                    content: json!({ "join_rule": "invite" }),
                };
                let seconds = settings.join_wave.close_s;
                let rooms = self.room.iter().filter(|_| seconds > 0);
                Response { acts: rooms.map(close).collect(), for_ms: Some(milliseconds(seconds)) }
            }
            Protection::Invites => {
                let ends_at = now_ms.saturating_add(milliseconds(settings.invites.hold_s));
                let act = |user: &OwnedUserId| match (&self.room, is_local(user)) {
                    (_, true) if settings.invites.hold_s > 0 => {
                        Some(self.rule("user", user.as_str(), "feature:invite", "deny", ends_at))
                    }
                    (Some(room), false) => Some(Act::Kick { room: room.clone(), user: user.clone() }),
                    _ => None,
                };
                Response { acts: self.users.iter().filter_map(act).collect(), for_ms: None }
            }
            Protection::RegistrationWave => {
                let settings = &settings.registration_wave;
                let ends_at = now_ms.saturating_add(milliseconds(settings.approval_s));
                let users = self.users.iter().filter(|_| settings.suspend);
                let mut acts: Vec<Act> = users.map(|user| Act::Suspend { user: user.clone() }).collect();
                if settings.approval_s > 0 && !self.is_more {
                    acts.push(self.rule("everyone", "", "registration", "require_approval", ends_at));
                }
                Response { acts, for_ms: None }
            }
            // Done only by operators who are asked.
            Protection::BanEvasion => {
                let ban = |room: &OwnedRoomId, user: &OwnedUserId| Act::Ban { room: room.clone(), user: user.clone() };
                let acts = self.room.iter().flat_map(|room| self.users.iter().map(move |user| ban(room, user)));
                Response { acts: acts.collect(), for_ms: None }
            }
        }
    }

    /// Mutes whom it is about and redacts what shows it. What belongs to an earlier finding is only redacted.
    fn in_its_room(&self, redact: bool, mute_s: u64) -> Response {
        let Some(room) = &self.room else { return Response::default() };
        let muted = self.users.iter().filter(|_| mute_s > 0 && !self.is_more);
        let mute = muted.map(|user| Act::Mute { room: room.clone(), user: user.clone() });
        let redacted = self.events.iter().filter(|_| redact);
        let redactions = redacted.map(|event| Act::Redact { room: room.clone(), event: event.to_string() });
        Response { acts: mute.chain(redactions).collect(), for_ms: Some(milliseconds(mute_s)).filter(|ms| *ms > 0) }
    }

    fn rule(&self, kind: &str, value: &str, scope: &str, effect: &str, ends_at: i64) -> Act {
        let rule = RuleForm {
            kind: kind.to_owned(),
            value: value.to_owned(),
            scope: scope.to_owned(),
            effect: effect.to_owned(),
            reason: None,
            private_reason: Some(self.says.chars().take(500).collect()),
            case: None,
            origin: Some(self.origin()),
            expires_at: Some(ends_at),
            permanent: false,
        };
        Act::PutRule { id: String::new(), rule }
    }
}

fn milliseconds(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX)
}
