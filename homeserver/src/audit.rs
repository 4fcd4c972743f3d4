//! The security audit log: who did what to whom, and from where. Append-only; each row holds a keyed
//! hash of itself and of the row before it, so that whoever changes the database leaves traces.
//!
//! To tell of something is one call. What merely happened is queued and never holds up the request:
//!
//! ```ignore
//! audit.record(Event::new(Action::SignIn, &origin).on(&user_id).failed("bad_password"));
//! ```
//!
//! What must not be done without a trace (what administrators do, new passwords, the end of an
//! account) is written in the transaction that does it, as the last statement before the commit,
//! because no other process can append until then:
//!
//! ```ignore
//! audit.append(&mut tx, [Event::new(Action::RoleChanged, caller).on(&user_id).detail("is_admin", true)]).await?;
//! ```
//!
//! A new kind of event is a line in [`event`]'s table. Tokens, passwords, codes and contents are never
//! told of; addresses and user agents stand in an encrypted table of their own, which is emptied
//! earlier and leaves the chain whole.

mod chain;
pub mod event;
pub mod export;
mod lately;
mod lines;
mod retention;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

use std::{net::IpAddr, sync::Arc};

use ruma::{OwnedUserId, UserId};

pub use self::{
    event::{Action, Actor, Event, Origin, Role},
    verify::{Finding, Verdict},
};
use self::{
    export::Entry,
    lately::Lately,
    writer::{Pending, Queue},
};
use crate::{
    Result,
    clock::Clock,
    config,
    metrics::Metrics,
    secrets::Secrets,
    storage::{Conn, Storage, audit as rows},
    tasks::Tasks,
};

/// How long it is not told of the same again that somebody tries too often, or is kept out by a rule, in
/// milliseconds.
const LOCK_OUT_REST_MS: i64 = 60_000;
const DENIAL_REST_MS: i64 = 5 * 60_000;

/// What the audit log is built from.
#[derive(Debug)]
#[expect(missing_docs, reason = "each part is described where it is defined")]
pub struct Parts<'a> {
    pub storage: Storage,
    pub secrets: Secrets,
    pub clock: Clock,
    pub metrics: Metrics,
    pub tasks: &'a Tasks,
    pub rules: config::Audit,
}

/// Somebody whom a rule kept out: the rule, and the user or, of strangers, the address.
type KeptOut = (String, Option<IpAddr>, Option<OwnedUserId>);

/// The audit log; clones share the queue.
#[derive(Clone, Debug)]
pub struct Audit {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    queue: Queue,
    /// Of whom it was told lately that they try too often.
    lock_outs: Arc<Lately<(&'static str, IpAddr)>>,
    /// Whom rules kept out lately.
    denials: Arc<Lately<KeptOut>>,
}

impl Audit {
    /// Starts the tasks that write what is queued and delete what is old.
    pub fn start(parts: Parts<'_>) -> Self {
        let Parts { storage, secrets, clock, metrics, tasks, rules } = parts;
        retention::start(storage.clone(), secrets.clone(), clock.clone(), &rules, tasks);
        let queue = writer::start(
            writer::Writer::new(storage.clone(), secrets.clone(), clock.clone(), rules.lines_file),
            metrics,
            tasks,
        );
        Self { storage, secrets, clock, queue, lock_outs: Arc::default(), denials: Arc::default() }
    }

    /// Notes an event soon, and at once in the file that fail2ban reads. Under more events than can be
    /// written some are left out; how many is noted.
    pub fn record(&self, event: Event) {
        self.queue.push(Pending { at_ms: self.clock.now_ms(), event });
    }

    /// Notes events in a transaction: they are there if it is committed, and only then.
    pub async fn append(&self, tx: &mut Conn, events: impl IntoIterator<Item = Event>) -> Result<()> {
        let at_ms = self.clock.now_ms();
        let events: Vec<Pending> = events.into_iter().map(|event| Pending { at_ms, event }).collect();
        chain::append(tx, &self.secrets, &events).await
    }

    /// Notes that somebody is held off who tries `what` too often: once a minute and address.
    pub fn record_lock_out(&self, what: &'static str, actor: Actor) {
        let Some(address) = actor.origin().map(|origin| origin.address) else { return };
        if self.lock_outs.is_news((what, address), LOCK_OUT_REST_MS, self.clock.now_ms()) {
            self.record(Event::new(Action::RateLimit, actor).failed("too_many_requests").detail("what", what));
        }
    }

    /// Notes that a rule of access kept somebody out: once in five minutes for the same rule, and user or
    /// address.
    pub fn record_rule(&self, rule: &str, scope: &str, effect: &'static str, actor: Actor) {
        // Of somebody who is known, it does not matter from where.
        let address = actor.origin().map(|origin| origin.address).filter(|_| actor.user_id.is_none());
        let who = (rule.to_owned(), address, actor.user_id.clone());
        if self.denials.is_news(who, DENIAL_REST_MS, self.clock.now_ms()) {
            let event = Event::new(Action::RuleApplied, actor).failed("access_rule");
            self.record(event.detail("rule", rule).detail("scope", scope).detail("effect", effect));
        }
    }

    /// Waits until everything that was queued before is written.
    pub async fn settled(&self) {
        self.queue.settled().await;
    }

    /// The newest events that a user did or that befell the user, the newest first.
    pub async fn of_user(&self, user_id: &UserId, limit: u32) -> Result<Vec<Entry>> {
        let mut conn = self.storage.conn().await?;
        let mut entries = Vec::new();
        for seq in rows::list_of_user(&mut conn, user_id.as_str(), limit).await? {
            let found = rows::list(&mut conn, seq - 1, 1).await?;
            entries.extend(found.into_iter().filter(|(row, _)| row.seq == seq));
        }
        entries.into_iter().map(|(row, sealed)| Entry::open(&self.secrets, row, sealed)).collect()
    }

    /// Lists at most `limit` events after the one numbered `after`.
    pub async fn list(&self, after: i64, limit: u32) -> Result<Vec<Entry>> {
        let found = rows::list(&mut *self.storage.conn().await?, after, limit).await?;
        found.into_iter().map(|(row, sealed)| Entry::open(&self.secrets, row, sealed)).collect()
    }

    /// Forgets from where a user acted, who wants to be forgotten.
    pub async fn forget_origins(&self, conn: &mut Conn, user_id: &UserId) -> Result<()> {
        rows::delete_origins_of(conn, user_id.as_str()).await
    }

    /// Checks the whole log, see [`Verdict`].
    pub async fn verify(&self, anchor: Option<&verify::Anchor>) -> Result<Verdict> {
        verify::run(&self.storage, &self.secrets, anchor).await
    }
}

pub use self::verify::Anchor;
