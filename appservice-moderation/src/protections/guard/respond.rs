//! What becomes of a finding: the only place that decides it.

use std::{collections::HashMap, sync::PoisonError};

use ruma::OwnedEventId;
use tracing::{info, warn};

use super::Guard;
use crate::{
    Error, Result,
    actions::{Act, Actions, Author, Plan},
    ids,
    proposals::{Offer, Proposed},
    protections::{
        finding::Finding,
        settings::{Mode, Protection, Protections},
        tally::{Count, Limit, Tally},
    },
    reply::Reply,
    time,
};

/// How long a question can be answered.
const DAY_MS: i64 = 24 * 3_600_000;
const HOUR_S: u64 = 3600;

/// Counts findings, so that what goes wrong does not go wrong a thousand times.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    counts: Tally<Protection>,
    told: HashMap<Protection, i64>,
}

/// Whether something may still come of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Go,
    /// Too much was found; the operators are told so.
    StopNow,
    /// They know.
    Stopped,
}

impl Breaker {
    fn pass(&mut self, finding: &Finding, most: u32, now_ms: i64) -> Verdict {
        let limit = Limit { most, within_s: HOUR_S };
        match self.counts.note(finding.protection, &finding.cause, now_ms, limit) {
            Count::Few => Verdict::Go,
            _ => {
                let told = self.told.entry(finding.protection).or_insert(i64::MIN);
                let is_news = now_ms.saturating_sub(*told) >= i64::try_from(HOUR_S * 1000).unwrap_or(i64::MAX);
                if is_news {
                    *told = now_ms;
                }
                if is_news { Verdict::StopNow } else { Verdict::Stopped }
            }
        }
    }
}

impl Guard {
    /// Lets come of a finding what was chosen for its protection.
    pub(super) async fn respond(&self, finding: &Finding, settings: &Protections) -> Result<()> {
        let mode = settings.mode(finding.protection);
        if mode == Mode::Off || (finding.is_more && mode != Mode::Act) {
            return Ok(());
        }
        info!(protection = finding.protection.name(), cause = finding.cause, "A protection found something");
        let now_ms = self.parts.clock.now_ms();
        let verdict = {
            let mut breaker = self.state.breaker.lock().unwrap_or_else(PoisonError::into_inner);
            breaker.pass(finding, settings.most_per_hour, now_ms)
        };
        match verdict {
            Verdict::Go => {}
            Verdict::StopNow => return self.tell_of_stop(finding, settings.most_per_hour).await,
            Verdict::Stopped => return Ok(()),
        }
        let plan = self.plan(finding, settings, now_ms);
        match mode {
            Mode::Ask if !plan.acts.is_empty() => self.ask(finding, plan).await,
            Mode::Act if !plan.acts.is_empty() => self.act(finding, plan).await,
            _ => self.tell(finding, None).await,
        }
    }

    fn plan(&self, finding: &Finding, settings: &Protections, now_ms: i64) -> Plan {
        let response = finding.response(settings, |user| self.parts.bot.is_local(user), now_ms);
        Plan {
            title: format!("{}: {}", finding.protection, finding.says),
            reason: None,
            room_id: finding.room.clone(),
            acts: response.acts,
            for_ms: response.for_ms,
        }
    }

    async fn act(&self, finding: &Finding, plan: Plan) -> Result<()> {
        if !finding.is_more {
            let case = self.parts.actions.open(&finding.cause, &self.author(finding), &plan).await?;
            return self.tell(finding, Some(&case)).await;
        }
        // Whoever took back what was done about the first finding wants no more of it.
        let first = self.parts.actions.account(&Actions::case_id(&finding.cause)).await;
        if first.is_ok_and(|first| first.case.undone_at.is_some()) {
            return Ok(());
        }
        let more: Vec<String> = finding.events.iter().map(ToString::to_string).collect();
        let users = finding.users.iter().map(ToString::to_string);
        let parts: Vec<String> = more.into_iter().chain(users).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let cause = format!("{}/{}", finding.cause, ids::derived(20, &parts));
        self.parts.actions.open(&cause, &self.author(finding), &plan).await?;
        Ok(())
    }

    /// Asks the operators whether to do it.
    async fn ask(&self, finding: &Finding, plan: Plan) -> Result<()> {
        let Some(room) = self.parts.rooms.operators() else { return Ok(()) };
        let mut shown = describe(finding);
        for line in summary(&plan) {
            shown = shown.item(line);
        }
        shown = shown.line("React with 👍 within a day to do that, or with 👎 to leave it.");
        let verb = verb(&plan).to_owned();
        let proposed = Proposed { verb, origin: Some(finding.origin()), plan };
        // Proposals are known by what they follow from, which need not be a real event.
        let cause = OwnedEventId::try_from(format!("${}", ids::derived(43, &["protection", &finding.cause])));
        let cause = cause.map_err(|_| Error::internal("A derived event ID is not valid."))?;
        let asked_by = self.parts.bot.user_id().to_owned();
        let offer = Offer { room: &room, cause: &cause, asked_by, shown, proposed: &proposed, wait_ms: DAY_MS };
        self.parts.proposals.offer(offer).await?;
        Ok(())
    }

    fn author(&self, finding: &Finding) -> Author {
        Author { user_id: self.parts.bot.user_id().to_owned(), origin: finding.origin() }
    }

    /// Tells the operators what was found, and in which case it was acted on.
    async fn tell(&self, finding: &Finding, case: Option<&str>) -> Result<()> {
        let mut reply = describe(finding);
        if let Some(case) = case {
            reply = reply.line(format!("Case {case}. `!mod undo {case}` takes back what was done."));
        }
        self.say(&reply, &finding.cause).await
    }

    async fn tell_of_stop(&self, finding: &Finding, most: u32) -> Result<()> {
        let name = finding.protection.name();
        warn!(protection = name, "A protection finds too much and rests");
        let reply =
            Reply::new(format!("**{name}** found more than {most} things within an hour, and rests for a while."))
                .line(format!("`!mod protect set {name} …` makes it look for less."));
        self.say(&reply, &format!("{}/stop", finding.cause)).await
    }

    /// Says something in the operators' room, once for the same cause.
    async fn say(&self, reply: &Reply, cause: &str) -> Result<()> {
        let Some(room) = self.parts.rooms.operators() else { return Ok(()) };
        let transaction = format!("p_{}", ids::derived(30, &["protection", cause]));
        self.parts.bot.say(&room, reply, &transaction).await?;
        Ok(())
    }
}

/// A finding in words.
fn describe(finding: &Finding) -> Reply {
    let mut reply = Reply::new(format!("**{}**: {}", finding.protection, finding.says));
    if let Some(room) = &finding.room {
        reply = reply.line(format!("In {room}."));
    }
    reply
}

/// What a plan does, a line for each kind of act.
fn summary(plan: &Plan) -> Vec<String> {
    let mut counts: Vec<(&'static str, usize, String)> = Vec::new();
    for act in &plan.acts {
        match counts.iter_mut().find(|(name, ..)| *name == act.name()) {
            Some((_, count, _)) => *count += 1,
            None => counts.push((act.name(), 1, act.target().unwrap_or_default())),
        }
    }
    let lasting = plan.for_ms.map(|ms| format!(" for {}", time::words(ms))).unwrap_or_default();
    let line = |(name, count, target): (&str, usize, String)| match (name, count) {
        ("redact", count) => format!("redact {count} events"),
        ("set_state", _) => format!("let people join by invitation only{lasting}"),
        ("rule", _) => format!("an access rule about {target}"),
        ("mute", _) => format!("mute {target}{lasting}"),
        (name, 1) => format!("{name} {target}"),
        (name, count) => format!("{name} {count} users"),
    };
    counts.into_iter().map(line).collect()
}

/// The command that does as much as a plan, which whoever confirms it must be allowed to use.
fn verb(plan: &Plan) -> &'static str {
    let has = |found: fn(&Act) -> bool| plan.acts.iter().any(found);
    if has(|act| matches!(act, Act::PutRule { .. })) {
        "deny"
    } else if has(|act| matches!(act, Act::Suspend { .. })) {
        "suspend"
    } else if has(|act| matches!(act, Act::Ban { .. })) {
        "ban"
    } else {
        "mute"
    }
}
