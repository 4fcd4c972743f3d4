//! Does single acts. Each looks first whether it is so already, and can be repeated: a process that was
//! killed in the middle of one does it again.

use ruma::{OwnedUserId, RoomId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Act, Actions, Case, Job, State};
use crate::{Error, Result, reply::Reply, storage::jobs};

/// Whoever is muted has this power, which is less than it takes to say something.
const MUTED: i64 = -1;

/// What an act leaves behind: what it takes to take it back, or why it was not done.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// What was there before.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub before: Value,
    /// Something to count, such as redacted events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Why it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

impl Outcome {
    pub(super) fn before(value: impl Into<Value>) -> Self {
        Self { before: value.into(), ..Self::default() }
    }

    pub(super) fn read(stored: Option<&[u8]>) -> Self {
        stored.and_then(|stored| serde_json::from_slice(stored).ok()).unwrap_or_default()
    }
}

/// For whom, and for what, an act is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances<'a> {
    job: &'a Job,
    case: &'a Case,
    pub(super) by: &'a UserId,
}

impl Circumstances<'_> {
    /// Whether the act may have been done before it was noted.
    pub(super) fn is_repeated(&self) -> bool {
        self.job.attempts > 0
    }

    /// What people in the room read.
    fn reason(&self) -> String {
        match &self.case.reason {
            Some(reason) => format!("{reason} ({})", self.case.case_id),
            None => format!("({})", self.case.case_id),
        }
    }
}

impl Actions {
    /// Does a job; says what became of it.
    pub(super) async fn perform(&self, job: &Job, case: &Case) -> Result<(State, Outcome)> {
        let act = Act::read(&job.act)?;
        let bot: OwnedUserId = self.bot.user_id().to_owned();
        // Whoever took the case back did that; what ends by itself is nobody's doing.
        let by = match &job.reverses {
            Some(_) => case.undone_by.as_ref().unwrap_or(&bot),
            None => &case.author,
        };
        // Who moderates a room from another server has no account here to act for.
        let by = if self.bot.is_local(by) { by } else { &bot };
        let circumstances = Circumstances { job, case, by };
        if let Some(reversed) = &job.reverses {
            let reversed = jobs::find(&mut *self.storage.conn().await?, reversed).await?;
            let reversed = reversed.ok_or_else(|| Error::internal("A job reverses another that is not there."))?;
            return match reversed.state {
                State::Done => {
                    let before = Outcome::read(reversed.outcome.as_deref()).before;
                    match reversal(Act::read(&reversed.act)?, &before) {
                        Some(act) => Box::pin(self.apply(&act, circumstances)).await,
                        None => Ok((State::Needless, Outcome::default())),
                    }
                }
                // It comes to its end once that is done.
                state if state.is_open() => {
                    Err(Error::Unavailable("What is to be taken back", anyhow::anyhow!("it is not done yet")))
                }
                _ => Ok((State::Needless, Outcome::default())),
            };
        }
        self.apply(&act, circumstances).await
    }

    async fn apply(&self, act: &Act, at: Circumstances<'_>) -> Result<(State, Outcome)> {
        let done = |outcome| Ok((State::Done, outcome));
        match act {
            Act::Kick { room, user } => self.change_membership(room, user, "kick", at).await,
            Act::Ban { room, user } => self.change_membership(room, user, "ban", at).await,
            Act::Unban { room, user } => self.change_membership(room, user, "unban", at).await,
            Act::Mute { room, user } => self.set_power(room, user, Some(MUTED), None, at).await,
            Act::Unmute { room, user, level } => self.set_power(room, user, *level, Some(MUTED), at).await,
            Act::Warn { user, text } => {
                let room = self.rooms.chat_with(user).await?;
                self.bot.say(&room, &Reply::new(text), &at.job.job_id).await?;
                done(Outcome::default())
            }
            Act::Redact { room, event } => {
                self.bot.redact(room, event, Some(&at.reason()), &at.job.job_id).await?;
                done(Outcome::default())
            }
            Act::RedactUser { room, user, since_ms, limit } => {
                let count = self.redact_user(room, user, (*since_ms, *limit), at).await?;
                done(Outcome { count: Some(count), ..Outcome::default() })
            }
            Act::SetState { room, kind, key, content } => {
                let before = self.bot.state(room, kind, key).await?.unwrap_or_else(|| json!({}));
                if before == *content && !at.is_repeated() {
                    return Ok((State::Needless, Outcome::default()));
                }
                // What was there before was noted when this was begun for the first time.
                let before = self.note_before(at, before).await?;
                self.bot.set_state(room, kind, key, content).await?;
                done(Outcome::before(before))
            }
            Act::DenyServers { room, servers } => self.change_acl(room, servers, &[], at).await,
            Act::AllowServers { room, servers } => self.change_acl(room, &[], servers, at).await,
            Act::Watch { list, effects } => self.watch(list, Some(effects), at).await,
            Act::Unwatch { list } => self.watch(list, None, at).await,
            Act::PutRule { id, rule } => {
                self.access.put(at.by, id, rule, false).await?;
                done(Outcome::default())
            }
            Act::RevokeRule { id } => {
                self.access.revoke(at.by, id).await?;
                done(Outcome::default())
            }
            Act::PutRoomRule { room, id, network, reason, expires_at } => {
                let rule = json!({
                    "network": network, "effect": "deny", "reason": reason,
                    "private_reason": at.case.case_id, "expires_at": expires_at,
                });
                self.access.put_room_rule(at.by, room, id, &rule).await?;
                done(Outcome::default())
            }
            Act::RevokeRoomRule { room, id } => {
                self.access.revoke_room_rule(at.by, room, id).await?;
                done(Outcome::default())
            }
            Act::Lock { user } => self.restrict(user, (true, true), at).await,
            Act::Unlock { user } => self.restrict(user, (true, false), at).await,
            Act::Suspend { user } => self.restrict(user, (false, true), at).await,
            Act::Unsuspend { user } => self.restrict(user, (false, false), at).await,
            Act::CloseRoom { room } => {
                self.access.close_room(at.by, room).await?;
                done(Outcome::default())
            }
            Act::Reverse => Err(Error::internal("A job says to take back nothing.")),
        }
    }

    /// Kicks, bans or unbans. Who has been banned by another case is left to that.
    async fn change_membership(
        &self,
        room: &RoomId,
        user: &UserId,
        act: &str,
        at: Circumstances<'_>,
    ) -> Result<(State, Outcome)> {
        let member = self.bot.member(room, user).await?;
        let now = member.as_ref().and_then(|member| member["membership"].as_str()).unwrap_or("leave");
        let is_so = match act {
            "ban" => now == "ban",
            "unban" => now != "ban",
            _ => !matches!(now, "join" | "invite" | "knock"),
        };
        if is_so {
            let said = member.as_ref().and_then(|member| member["reason"].as_str()).unwrap_or_default();
            let is_own = at.is_repeated() && said.contains(&at.case.case_id);
            return Ok((if is_own { State::Done } else { State::Needless }, Outcome::default()));
        }
        self.bot.act_on(room, act, user, Some(&at.reason())).await?;
        Ok((State::Done, Outcome::default()))
    }

    /// Gives somebody another power in a room; with `only_from`, only if they have that now.
    async fn set_power(
        &self,
        room: &RoomId,
        user: &UserId,
        level: Option<i64>,
        only_from: Option<i64>,
        at: Circumstances<'_>,
    ) -> Result<(State, Outcome)> {
        let levels = self.bot.power_levels(room).await?;
        let now = levels.written(user);
        if now == level || (only_from.is_some() && now != only_from) {
            if !at.is_repeated() {
                return Ok((State::Needless, Outcome::default()));
            }
            let before = self.note_before(at, json!(now)).await?;
            return Ok((State::Done, Outcome::before(before)));
        }
        let before = self.note_before(at, json!(now)).await?;
        self.bot.set_state(room, "m.room.power_levels", "", &levels.with(user, level)).await?;
        Ok((State::Done, Outcome::before(before)))
    }

    async fn restrict(
        &self,
        user: &UserId,
        (is_lock, wanted): (bool, bool),
        at: Circumstances<'_>,
    ) -> Result<(State, Outcome)> {
        let account = self.access.account(user).await?;
        let now = if is_lock { account.locked } else { account.suspended };
        if now == wanted {
            return Ok((if at.is_repeated() { State::Done } else { State::Needless }, Outcome::default()));
        }
        match is_lock {
            true => self.access.lock(at.by, user, wanted).await?,
            false => self.access.suspend(at.by, user, wanted).await?,
        }
        Ok((State::Done, Outcome::default()))
    }

    /// Redacts what somebody said, page by page from the newest on. Events that are redacted already
    /// have no content and are passed over, so this can be repeated.
    async fn redact_user(
        &self,
        room: &RoomId,
        user: &UserId,
        (since_ms, limit): (Option<i64>, u32),
        at: Circumstances<'_>,
    ) -> Result<u64> {
        let (mut count, mut from) = (0, None);
        loop {
            let (events, end) = self.bot.messages(room, from.as_deref()).await?;
            for event in &events {
                let is_too_old = since_ms.is_some_and(|since| event["origin_server_ts"].as_i64() < Some(since));
                if is_too_old || count >= u64::from(limit) {
                    return Ok(count);
                }
                let is_theirs = event["sender"] == user.as_str() && event.get("state_key").is_none();
                let is_empty = event["content"].as_object().is_none_or(serde_json::Map::is_empty);
                let (Some(id), true) = (event["event_id"].as_str(), is_theirs && !is_empty) else { continue };
                if event["type"] == "m.room.redaction" {
                    continue;
                }
                let transaction = format!("{}-{id}", at.job.job_id);
                self.bot.redact(room, id, Some(&at.reason()), &transaction).await?;
                count += 1;
            }
            match end {
                Some(end) if !events.is_empty() => from = Some(end),
                _ => return Ok(count),
            }
        }
    }

    /// Keeps what was there before an act, as it was when that was begun for the first time.
    pub(super) async fn note_before(&self, at: Circumstances<'_>, before: Value) -> Result<Value> {
        let kept = Outcome::read(at.job.outcome.as_deref());
        if at.job.outcome.is_some() {
            return Ok(kept.before);
        }
        let noted = serde_json::to_vec(&Outcome::before(before.clone())).map_err(anyhow::Error::from)?;
        jobs::note(&mut *self.storage.conn().await?, &at.job.job_id, &noted).await?;
        Ok(before)
    }
}

/// What takes an act back, of which `before` is what was there before it.
fn reversal(act: Act, before: &Value) -> Option<Act> {
    Some(match act {
        Act::Ban { room, user } => Act::Unban { room, user },
        Act::Unban { room, user } => Act::Ban { room, user },
        Act::Mute { room, user } => Act::Unmute { room, user, level: before.as_i64() },
        Act::SetState { room, kind, key, .. } => Act::SetState { room, kind, key, content: before.clone() },
        Act::DenyServers { room, .. } => Act::AllowServers { room, servers: texts(before) },
        Act::AllowServers { room, .. } => Act::DenyServers { room, servers: texts(before) },
        Act::Watch { list, .. } => Act::Unwatch { list },
        Act::Unwatch { list } => Act::Watch { list, effects: before.as_str()?.to_owned() },
        Act::PutRule { id, .. } => Act::RevokeRule { id },
        Act::PutRoomRule { room, id, .. } => Act::RevokeRoomRule { room, id },
        Act::Lock { user } => Act::Unlock { user },
        Act::Unlock { user } => Act::Lock { user },
        Act::Suspend { user } => Act::Unsuspend { user },
        Act::Unsuspend { user } => Act::Suspend { user },
        _ => return None,
    })
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}
