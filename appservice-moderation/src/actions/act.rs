//! What can be done, on whom, and what takes it back.

use ruma::{OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Job, State};
use crate::{Error, Result, ids, matrix::RuleForm};

/// Most characters of a target that are kept, of four bytes at most. User IDs have 255 bytes.
const LONGEST_TARGET: usize = 255;

/// One thing that is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the members are where, on whom, and with what")]
pub enum Act {
    /// Puts somebody out of a room.
    Kick { room: OwnedRoomId, user: OwnedUserId },
    /// Keeps somebody out of a room.
    Ban { room: OwnedRoomId, user: OwnedUserId },
    /// Lets somebody in again.
    Unban { room: OwnedRoomId, user: OwnedUserId },
    /// Takes somebody's voice in a room.
    Mute { room: OwnedRoomId, user: OwnedUserId },
    /// Gives it back: the power that they have then is written, or none.
    Unmute { room: OwnedRoomId, user: OwnedUserId, level: Option<i64> },
    /// Tells somebody something in their chat with the bot.
    Warn { user: OwnedUserId, text: String },
    /// Takes the content of one event.
    Redact { room: OwnedRoomId, event: String },
    /// Takes the content of what somebody said in a room, the newest events first.
    RedactUser { room: OwnedRoomId, user: OwnedUserId, since_ms: Option<i64>, limit: u32 },
    /// Writes a piece of a room's state.
    SetState { room: OwnedRoomId, kind: String, key: String, content: Value },
    /// Shuts servers out of a room, by names and patterns.
    DenyServers { room: OwnedRoomId, servers: Vec<String> },
    /// Lets them in again.
    AllowServers { room: OwnedRoomId, servers: Vec<String> },
    /// Follows a policy list; what comes of its rules, in words.
    Watch { list: OwnedRoomId, effects: String },
    /// Follows it no more.
    Unwatch { list: OwnedRoomId },
    /// Writes an access rule.
    PutRule { id: String, rule: RuleForm },
    /// Revokes an access rule.
    RevokeRule { id: String },
    /// Keeps a network out of a room, by the name that it has there.
    PutRoomRule { room: OwnedRoomId, id: String, network: String, reason: Option<String>, expires_at: Option<i64> },
    /// Lets it in again.
    RevokeRoomRule { room: OwnedRoomId, id: String },
    /// Locks an account.
    Lock { user: OwnedUserId },
    /// Unlocks it.
    Unlock { user: OwnedUserId },
    /// Suspends an account: it can read only.
    Suspend { user: OwnedUserId },
    /// Lets it act again.
    Unsuspend { user: OwnedUserId },
    /// Closes a room for good.
    CloseRoom { room: OwnedRoomId },
    /// Takes back what another job did, as it finds out when it comes to that.
    Reverse,
}

impl Act {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Kick { .. } => "kick",
            Self::Ban { .. } => "ban",
            Self::Unban { .. } => "unban",
            Self::Mute { .. } => "mute",
            Self::Unmute { .. } => "unmute",
            Self::Warn { .. } => "warn",
            Self::Redact { .. } => "redact",
            Self::RedactUser { .. } => "redact_user",
            Self::SetState { .. } => "set_state",
            Self::DenyServers { .. } => "deny_servers",
            Self::AllowServers { .. } => "allow_servers",
            Self::Watch { .. } => "watch",
            Self::Unwatch { .. } => "unwatch",
            Self::PutRule { .. } => "rule",
            Self::RevokeRule { .. } => "revoke_rule",
            Self::PutRoomRule { .. } => "room_rule",
            Self::RevokeRoomRule { .. } => "revoke_room_rule",
            Self::Lock { .. } => "lock",
            Self::Unlock { .. } => "unlock",
            Self::Suspend { .. } => "suspend",
            Self::Unsuspend { .. } => "unsuspend",
            Self::CloseRoom { .. } => "close_room",
            Self::Reverse => "reverse",
        }
    }

    /// Where.
    pub fn room(&self) -> Option<&OwnedRoomId> {
        match self {
            Self::Kick { room, .. }
            | Self::Ban { room, .. }
            | Self::Unban { room, .. }
            | Self::Mute { room, .. }
            | Self::Unmute { room, .. }
            | Self::Redact { room, .. }
            | Self::RedactUser { room, .. }
            | Self::SetState { room, .. }
            | Self::DenyServers { room, .. }
            | Self::AllowServers { room, .. }
            | Self::PutRoomRule { room, .. }
            | Self::RevokeRoomRule { room, .. }
            | Self::CloseRoom { room } => Some(room),
            _ => None,
        }
    }

    /// On whom or what.
    pub fn target(&self) -> Option<String> {
        match self {
            Self::Kick { user, .. }
            | Self::Ban { user, .. }
            | Self::Unban { user, .. }
            | Self::Mute { user, .. }
            | Self::Unmute { user, .. }
            | Self::Warn { user, .. }
            | Self::RedactUser { user, .. }
            | Self::Lock { user }
            | Self::Unlock { user }
            | Self::Suspend { user }
            | Self::Unsuspend { user } => Some(user.to_string()),
            Self::Redact { event, .. } => Some(event.clone()),
            // An e-mail address stands nowhere but with the homeserver, which seals it.
            Self::PutRule { rule, .. } if matches!(rule.kind.as_str(), "email" | "registration_token") => None,
            Self::PutRule { rule, .. } => Some(format!("{}:{}", rule.kind, rule.value)),
            Self::RevokeRule { id } | Self::PutRoomRule { id, .. } | Self::RevokeRoomRule { id, .. } => {
                Some(id.clone())
            }
            Self::CloseRoom { room } => Some(room.to_string()),
            Self::DenyServers { servers, .. } | Self::AllowServers { servers, .. } => Some(servers.join(" ")),
            Self::Watch { list, .. } | Self::Unwatch { list } => Some(list.to_string()),
            Self::SetState { kind, .. } => Some(kind.clone()),
            Self::Reverse => None,
        }
    }

    /// Whether it can be taken back.
    pub fn is_reversible(&self) -> bool {
        matches!(
            self,
            Self::Ban { .. }
                | Self::Unban { .. }
                | Self::Mute { .. }
                | Self::SetState { .. }
                | Self::DenyServers { .. }
                | Self::AllowServers { .. }
                | Self::Watch { .. }
                | Self::Unwatch { .. }
                | Self::PutRule { .. }
                | Self::PutRoomRule { .. }
                | Self::Lock { .. }
                | Self::Unlock { .. }
                | Self::Suspend { .. }
                | Self::Unsuspend { .. }
        )
    }

    /// Whether it makes other things happen, so that it is taken back before they are.
    pub(super) fn is_cause(&self) -> bool {
        matches!(self, Self::PutRule { .. } | Self::PutRoomRule { .. } | Self::Watch { .. })
    }

    /// Whether whoever applies it knows when it ends.
    pub(super) fn ends_by_itself(&self) -> bool {
        matches!(self, Self::PutRule { .. } | Self::PutRoomRule { .. })
    }

    /// The same until a time, if it can know that.
    pub(super) fn until(mut self, ends_at: i64) -> Self {
        match &mut self {
            Self::PutRule { rule, .. } => rule.expires_at = rule.expires_at.or(Some(ends_at)),
            Self::PutRoomRule { expires_at, .. } => *expires_at = expires_at.or(Some(ends_at)),
            _ => {}
        }
        self
    }

    /// The same as part of a case. Rules without an ID get one that follows from that.
    pub(super) fn of_case(mut self, case_id: &str, number: i32) -> Self {
        match &mut self {
            Self::PutRule { id, rule } => {
                rule.case = rule.case.take().or_else(|| Some(case_id.to_owned()));
                if id.is_empty() {
                    *id = format!("{case_id}-{number}");
                }
            }
            Self::PutRoomRule { id, .. } if id.is_empty() => *id = format!("{case_id}-{number}"),
            _ => {}
        }
        self
    }

    /// The job that does it.
    pub(super) fn job(&self, case_id: &str, number: i32, reverses: Option<&str>, due_at: i64) -> Result<Job> {
        let key = reverses.unwrap_or_default();
        Ok(Job {
            job_id: format!("j_{}", ids::derived(24, &[case_id, &number.to_string(), key])),
            case_id: case_id.to_owned(),
            number,
            kind: self.name().to_owned(),
            room_id: self.room().map(ToString::to_string),
            target: self.target().map(|target| target.chars().take(LONGEST_TARGET).collect()),
            act: serde_json::to_vec(self).map_err(anyhow::Error::from)?,
            reverses: reverses.map(ToOwned::to_owned),
            state: State::Queued,
            attempts: 0,
            due_at,
            finished_at: None,
            outcome: None,
        })
    }

    /// The same without what only the homeserver keeps, for when it is done.
    pub(super) fn forgetful(&self) -> Option<Self> {
        match self {
            Self::PutRule { id, rule } if matches!(rule.kind.as_str(), "email" | "registration_token") => {
                Some(Self::PutRule { id: id.clone(), rule: RuleForm { value: String::new(), ..rule.clone() } })
            }
            _ => None,
        }
    }

    /// The act that a job holds.
    pub fn read(stored: &[u8]) -> Result<Self> {
        serde_json::from_slice(stored)
            .map_err(|fault| Error::internal(format!("A stored act cannot be read: {fault}.")))
    }
}
