//! Does what lists want. It is noted first what is going to be done, then done as a case: a process that dies
//! in between finds the note and does it, once.

use std::collections::{BTreeMap, BTreeSet};

use ruma::{OwnedRoomId, UserId};

use super::{PolicyLists, reconcile::hit};
use crate::{
    Result,
    actions::{Act, Author, Plan},
    ids,
    matrix::RuleForm,
    policy_lists::wants::{Outcome, Want},
    storage::policy_lists::{self as rows, Hit},
};

/// So many events are redacted of one who is taken down.
const MOST_REDACTED: u32 = 1000;
/// So much is done in one case.
const MOST_AT_ONCE: usize = 1000;
/// Longest origin of a case, in bytes.
const LONGEST_ORIGIN: usize = 255;

impl PolicyLists {
    /// Does what is wanted: for each person a case, for the servers of each room one, and one for all access
    /// rules.
    pub(super) async fn carry_out(&self, wants: Vec<Want>) -> Result<()> {
        let mut groups: BTreeMap<(u8, String), Vec<Want>> = BTreeMap::new();
        for want in wants {
            let key = match want.outcome {
                Outcome::Ban | Outcome::Takedown => (0, want.target.clone()),
                Outcome::Kick | Outcome::Acl => (1, want.room.as_ref().map(ToString::to_string).unwrap_or_default()),
                Outcome::Rule => (2, String::new()),
            };
            groups.entry(key).or_default().push(want);
        }
        let now_ms = self.parts.clock.now_ms();
        let mut parts = Vec::new();
        for ((kind, name), mut rest) in groups {
            while !rest.is_empty() {
                let part = rest.split_off(rest.len().saturating_sub(MOST_AT_ONCE));
                let key = format!("{kind} {name} {now_ms} {}", parts.len());
                parts.push((format!("list/{}", ids::derived(30, &["list", &key])), part));
            }
        }
        for (cause, wants) in parts {
            self.begin(&cause, &wants, now_ms).await?;
        }
        Ok(())
    }

    /// Notes what is wanted, then does it.
    async fn begin(&self, cause: &str, wants: &[Want], now_ms: i64) -> Result<()> {
        let hits: Vec<Hit> = wants.iter().map(|want| hit(want, cause)).collect();
        self.parts
            .storage
            .retry(|| async {
                let mut tx = self.parts.storage.begin().await?;
                for hit in &hits {
                    rows::insert_hit(&mut tx, hit, now_ms).await?;
                }
                Ok(tx.commit().await?)
            })
            .await?;
        let reason = wants.first().and_then(|want| want.listed.rule.reason.clone());
        self.open(cause, &hits, reason).await
    }

    /// Opens the cases of what was noted when the process ended.
    pub(super) async fn open_again(&self) -> Result<()> {
        let hits = rows::list_hits(&mut *self.parts.storage.conn().await?).await?;
        let mut by_cause: BTreeMap<String, Vec<Hit>> = BTreeMap::new();
        for hit in hits.into_iter().filter(|hit| !hit.is_opened) {
            by_cause.entry(hit.cause.clone()).or_default().push(hit);
        }
        for (cause, hits) in by_cause {
            self.open(&cause, &hits, None).await?;
        }
        Ok(())
    }

    async fn open(&self, cause: &str, hits: &[Hit], reason: Option<String>) -> Result<()> {
        let Some(first) = hits.first() else { return Ok(()) };
        let bot = self.parts.bot.user_id();
        let origin = format!("list:{}/{}", first.list_id, first.event_id);
        let rooms: BTreeSet<&OwnedRoomId> = hits.iter().filter_map(|hit| hit.room_id.as_ref()).collect();
        let plan = Plan {
            title: title(hits),
            reason: reason.or_else(|| Some("on a policy list".to_owned())),
            room_id: rooms.first().filter(|_| rooms.len() == 1).map(|room| (*room).clone()),
            acts: acts(hits, &origin),
            for_ms: None,
        };
        let origin = match origin.len() {
            0..=LONGEST_ORIGIN => origin,
            _ => format!("list:{}", ids::derived(30, &[&origin])),
        };
        self.parts.actions.open(cause, &Author { user_id: bot.to_owned(), origin }, &plan).await?;
        rows::note_opened(&mut *self.parts.storage.conn().await?, cause).await
    }
}

fn title(hits: &[Hit]) -> String {
    let count = |outcome: Outcome| hits.iter().filter(|hit| hit.kind == outcome.name()).count();
    let person = hits.iter().find(|hit| matches!(Outcome::find(&hit.kind), Some(Outcome::Ban | Outcome::Takedown)));
    if let Some(hit) = person {
        return format!("{} is on a policy list", hit.target);
    }
    match (count(Outcome::Acl), count(Outcome::Kick), count(Outcome::Rule)) {
        (0, 0, rules) => format!("Access rules for {rules} on policy lists"),
        (0, members, _) => format!("{members} members from servers on policy lists"),
        (servers, ..) => format!("{servers} servers on policy lists"),
    }
}

/// What is done for hits: people are put out before their servers are shut out, which they would not hear.
fn acts(hits: &[Hit], origin: &str) -> Vec<Act> {
    let mut acts = Vec::new();
    let mut servers: BTreeMap<&OwnedRoomId, Vec<String>> = BTreeMap::new();
    for hit in hits {
        let user = || UserId::parse(&hit.target).ok();
        match (Outcome::find(&hit.kind), &hit.room_id) {
            (Some(Outcome::Ban), Some(room)) => {
                acts.extend(user().map(|user| Act::Ban { room: room.clone(), user }));
            }
            (Some(Outcome::Takedown), Some(room)) => {
                acts.extend(user().map(|user| Act::Ban { room: room.clone(), user }));
                acts.extend(user().map(|user| Act::RedactUser {
                    room: room.clone(),
                    user,
                    since_ms: None,
                    limit: MOST_REDACTED,
                }));
            }
            (Some(Outcome::Kick), Some(room)) => {
                acts.extend(user().map(|user| Act::Kick { room: room.clone(), user }));
            }
            (Some(Outcome::Acl), Some(room)) => servers.entry(room).or_default().push(hit.target.clone()),
            (Some(Outcome::Rule), _) => acts.extend(rule(&hit.target, origin)),
            _ => {}
        }
    }
    let servers = servers.into_iter().map(|(room, servers)| Act::DenyServers { room: room.clone(), servers });
    acts.extend(servers);
    acts
}

/// The access rule for `user:` or `server:` and a pattern.
fn rule(target: &str, origin: &str) -> Option<Act> {
    let (kind, value) = target.split_once(':')?;
    let rule = RuleForm {
        kind: kind.to_owned(),
        value: value.to_owned(),
        // A user of another server calls by that server; only the gate of this server knows who it is.
        scope: if kind == "server" { "federation" } else { "server" }.to_owned(),
        effect: "deny".to_owned(),
        reason: None,
        private_reason: None,
        case: None,
        origin: Some(origin.to_owned()),
        expires_at: None,
        permanent: true,
    };
    Some(Act::PutRule { id: rule_id(target), rule })
}

/// The ID of the access rule for a target, which is always the same.
pub(super) fn rule_id(target: &str) -> String {
    format!("list-{}", ids::derived(30, &["rule of a list", target]))
}
