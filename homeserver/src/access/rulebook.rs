//! The rules of this server: kept in the database, compiled into memory, and followed, whichever
//! process changes them.

mod change;
mod rows;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, watch};

pub use self::change::{Change, MOST_CHANGES, NewRule, TOKEN_PURPOSE};
use super::{room_networks::RoomNetworks, rule::Rule, ruleset::RuleSet};
use crate::{
    Error, Result,
    audit::Audit,
    clock::Clock,
    secrets::Secrets,
    storage::{Storage, access_rules},
};

/// Rules are read from the database in pieces of this size.
const PAGE: u32 = 2000;
/// Beyond so many rules they are made ready on a thread of their own.
const MANY: usize = 2000;
/// How often the database is asked for changes by other processes.
pub(super) const INTERVAL: Duration = Duration::from_millis(500);

/// The rules; clones share them.
#[derive(Clone)]
pub struct Rulebook(Arc<Inner>);

struct Inner {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    audit: Audit,
    room_networks: RoomNetworks,
    current: ArcSwap<RuleSet>,
    book: Mutex<Book>,
    /// Changes whenever other rules are in force.
    changed: watch::Sender<i64>,
}

/// What was read from the database.
#[derive(Clone, Debug, Default)]
struct Book {
    /// All changes up to this generation are known.
    generation: i64,
    /// The rules in force; some may have expired a moment ago.
    rules: BTreeMap<String, Arc<Rule>>,
}

impl fmt::Debug for Rulebook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rulebook({} rules)", self.current().len())
    }
}

impl Rulebook {
    /// Reads all rules; they are in force from now on.
    pub async fn load(storage: Storage, secrets: Secrets, audit: Audit, clock: Clock) -> Result<Self> {
        let room_networks = RoomNetworks::new(secrets.clone());
        let current = ArcSwap::from_pointee(RuleSet::new([], room_networks.clone(), clock.now_ms()));
        let (book, changed) = (Mutex::default(), watch::channel(0).0);
        let rulebook = Self(Arc::new(Inner { storage, secrets, clock, audit, room_networks, current, book, changed }));
        rulebook.refresh().await?;
        Ok(rulebook)
    }

    /// The rules in force.
    pub fn current(&self) -> Arc<RuleSet> {
        self.0.current.load_full()
    }

    /// The tokens of networks in rooms.
    pub fn room_networks(&self) -> &RoomNetworks {
        &self.0.room_networks
    }

    /// Has another value whenever other rules are in force.
    pub fn watch(&self) -> watch::Receiver<i64> {
        self.0.changed.subscribe()
    }

    /// All changes up to this generation are in force in this process.
    pub async fn generation(&self) -> i64 {
        self.0.book.lock().await.generation
    }

    /// A rule in force.
    pub async fn find(&self, id: &str) -> Option<Arc<Rule>> {
        self.0.book.lock().await.rules.get(id).cloned()
    }

    /// The rule with this ID, also one that has ended.
    pub async fn find_any(&self, id: &str) -> Result<Arc<Rule>> {
        if let Some(rule) = self.find(id).await {
            return Ok(rule);
        }
        let row = access_rules::find(&mut *self.0.storage.conn().await?, id).await?;
        row.map(|row| rows::rule(row).map(Arc::new))
            .transpose()?
            .ok_or_else(|| Error::not_found("There is no such rule."))
    }

    /// At most `limit` rules in force that are `wanted`, in the order of their IDs, after
    /// `after`.
    pub async fn list(&self, after: &str, limit: usize, wanted: impl Fn(&Rule) -> bool) -> Vec<Arc<Rule>> {
        let book = self.0.book.lock().await;
        let range = (std::ops::Bound::Excluded(after.to_owned()), std::ops::Bound::Unbounded);
        book.rules.range(range).map(|(_, rule)| rule).filter(|rule| wanted(rule)).take(limit).cloned().collect()
    }

    /// Reads what has changed, and puts it in force. Returns whether anything has.
    pub async fn refresh(&self) -> Result<bool> {
        // The lock is the point: of two who read at once, the one with the older answer could win.
        let mut book = self.0.book.lock().await;
        let mut conn = self.0.storage.conn().await?;
        let head = access_rules::generation(&mut conn).await?;
        if head == book.generation {
            return Ok(false);
        }
        let (mut after, now_ms) = (String::new(), self.0.clock.now_ms());
        loop {
            let page = access_rules::list_changed(&mut conn, book.generation, head, &after, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            for row in page {
                after.clone_from(&row.rule_id);
                let rule = rows::rule(row)?;
                match rule.is_active(now_ms) {
                    true => book.rules.insert(rule.id.clone(), Arc::new(rule)),
                    false => book.rules.remove(&rule.id),
                };
            }
            if is_last {
                break;
            }
        }
        drop(conn);
        book.generation = head;
        self.0.current.store(Arc::new(self.compile(&book.rules).await?));
        self.0.changed.send_replace(head);
        Ok(true)
    }

    async fn compile(&self, rules: &BTreeMap<String, Arc<Rule>>) -> Result<RuleSet> {
        let (room_networks, now_ms) = (self.0.room_networks.clone(), self.0.clock.now_ms());
        if rules.len() <= MANY {
            return Ok(RuleSet::new(rules.values(), room_networks, now_ms));
        }
        let rules: Vec<Arc<Rule>> = rules.values().cloned().collect();
        let compiled = tokio::task::spawn_blocking(move || RuleSet::new(&rules, room_networks, now_ms)).await;
        compiled.map_err(|panic| Error::internal(format!("rules could not be made ready: {panic}")))
    }

    /// Lets go of rules that have expired.
    pub(super) async fn forget_expired(&self) -> Result<()> {
        let mut book = self.0.book.lock().await;
        let now_ms = self.0.clock.now_ms();
        book.rules.retain(|_, rule| rule.is_active(now_ms));
        self.0.current.store(Arc::new(self.compile(&book.rules).await?));
        Ok(())
    }

    /// Stores how often rules have decided something since the last time.
    pub(super) async fn store_hits(&self) -> Result<()> {
        let rules: Vec<Arc<Rule>> = self.0.book.lock().await.rules.values().cloned().collect();
        let mut conn = None;
        for rule in rules {
            let (fresh, last_at) = (rule.hits.take_fresh(), rule.hits.all().1);
            if fresh == 0 {
                continue;
            }
            if conn.is_none() {
                conn = Some(self.0.storage.conn().await?);
            }
            if let Some(conn) = &mut conn {
                let count = i64::try_from(fresh).unwrap_or(i64::MAX);
                access_rules::add_matches(conn, &rule.id, count, last_at.unwrap_or_default()).await?;
            }
        }
        Ok(())
    }
}
