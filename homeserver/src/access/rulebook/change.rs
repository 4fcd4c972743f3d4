//! Writing rules and revoking them, several at a time or none.

use std::{collections::BTreeMap, sync::Arc};

use super::{Rulebook, rows};
use crate::{
    Error, Result,
    access::{
        email::{self, Email},
        glob::Glob,
        networks, room_networks,
        rule::{Effect, Kind, Rule, Scope},
        ruleset::RuleSet,
    },
    audit::{Action, Actor, Event},
    secrets::{HASH_LENGTH, columns},
    storage::access_rules::{self, RuleRow},
};

/// What registration tokens are hashed for, wherever they are.
pub const TOKEN_PURPOSE: &str = "registration token";
/// The longest of the texts that are kept with a rule, in bytes.
const LONGEST_TEXT: usize = 1024;
/// The longest ID of a rule or a case.
const LONGEST_ID: usize = 64;
/// The longest value.
const LONGEST_VALUE: usize = 512;
/// Letters that a pattern has at least: fewer would mean nearly everyone.
const FEWEST_LITERALS: usize = 3;
/// Most changes at a time.
pub const MOST_CHANGES: usize = 1000;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// A rule that somebody wants.
#[derive(Clone, Debug)]
pub struct NewRule {
    /// What it is to be known by. If there is a rule with this ID, it is replaced.
    pub id: String,
    /// The kind of its criterion.
    pub kind: Kind,
    /// Whom it is about.
    pub value: String,
    /// Where it is to hold.
    pub scope: Scope,
    /// What it is to do.
    pub effect: Effect,
    /// Why, for those who are hit.
    pub public_reason: Option<String>,
    /// Why, for administrators.
    pub private_reason: Option<String>,
    /// The case it belongs to.
    pub case: Option<String>,
    /// What it comes from.
    pub origin: String,
    /// Until when it is to hold; none means as long as is usual for its kind.
    pub expires_at: Option<i64>,
    /// Whether it is to hold for ever.
    pub is_permanent: bool,
    /// The version that it replaces, if somebody else's change is not to be lost; 0 for a new rule.
    pub replaces: Option<i32>,
}

/// One change of the rules.
#[derive(Clone, Debug)]
pub enum Change {
    /// A rule is written.
    Put(Box<NewRule>),
    /// The rule with this ID is revoked.
    Revoke(String),
}

impl Change {
    /// What the audit log tells of it.
    fn event(&self, actor: &Actor) -> Event {
        let event = Event::new(Action::RuleChanged, actor.clone()).detail("rule", self.id());
        match self {
            Self::Put(rule) => event
                .detail("what", "put")
                .detail("kind", rule.kind.name())
                .detail("scope", rule.scope.to_string())
                .detail("effect", rule.effect.name()),
            Self::Revoke(_) => event.detail("what", "revoke"),
        }
    }

    /// The rule that is changed.
    pub fn id(&self) -> &str {
        match self {
            Self::Put(rule) => &rule.id,
            Self::Revoke(id) => id,
        }
    }
}

/// The value of a rule as it is stored.
struct Value {
    /// The value, or as much of it as everybody may see who sees the rule.
    shown: String,
    /// Its keyed hash, where it is nobody's business.
    hash: Option<Vec<u8>>,
    /// The same, encrypted.
    sealed: Option<Vec<u8>>,
}

impl Value {
    /// One that everybody may see who sees the rule.
    fn open(shown: String) -> Self {
        Self { shown, hash: None, sealed: None }
    }
}

impl Rulebook {
    /// The row that `new` would be, checked as far as it can be without the rules that there are.
    pub fn draft(&self, new: &NewRule, author: &str) -> Result<RuleRow> {
        new.check()?;
        let now_ms = self.0.clock.now_ms();
        let Value { shown, hash, sealed } = self.value(new)?;
        let expires_at = if new.is_permanent { None } else { new.expires_at.or_else(|| usual_end(new.kind, now_ms)) };
        if expires_at.is_some_and(|expiry| expiry <= now_ms) {
            return Err(Error::invalid_param("The rule would have expired already."));
        }
        let limit = match new.effect {
            Effect::RateLimit { count, per_ms } => Some((i32::try_from(count).unwrap_or(i32::MAX), per_ms)),
            _ => None,
        };
        Ok(RuleRow {
            rule_id: new.id.clone(),
            version: 1,
            kind: new.kind as i8,
            value: shown,
            value_hash: hash,
            sealed,
            scope: new.scope.to_string(),
            effect: new.effect.strictness(),
            limit_count: limit.map(|(count, _)| count),
            limit_per_ms: limit.map(|(_, per_ms)| per_ms),
            public_reason: new.public_reason.clone(),
            private_reason: new.private_reason.clone(),
            author: author.to_owned(),
            case_id: new.case.clone(),
            origin: new.origin.clone(),
            created_at: now_ms,
            updated_at: now_ms,
            expires_at,
            revoked_at: None,
            revoked_by: None,
            match_count: 0,
            last_match_at: None,
        })
    }

    /// The value in its one form, with a hash and encrypted where it is nobody's business.
    fn value(&self, new: &NewRule) -> Result<Value> {
        let value = new.value.trim();
        let secret = |shown: String, hash: [u8; 32]| {
            let sealed = self.0.secrets.seal(&columns::RULE_VALUE, &[&new.id], value.as_bytes());
            Value { shown, hash: Some(hash.to_vec()), sealed: Some(sealed) }
        };
        Ok(match new.kind {
            Kind::Everyone if value.is_empty() => Value::open(String::new()),
            Kind::Everyone => return Err(Error::invalid_param("A rule about everyone has no value.")),
            Kind::User | Kind::Server => Value::open(pattern(new.kind, value)?),
            Kind::Email => {
                let email = Email::parse(value, &self.0.secrets)?;
                secret(email.masked().to_owned(), email.hash)
            }
            Kind::EmailDomain => Value::open(email::parse_domain(value)?),
            Kind::Network => Value::open(networks::parse(value)?.to_string()),
            Kind::RegistrationToken if value.is_empty() => return Err(Error::missing_param("The value is missing.")),
            Kind::RegistrationToken => {
                let shown = format!("{}…", value.chars().take(2).collect::<String>());
                secret(shown, self.0.secrets.hash(TOKEN_PURPOSE, value))
            }
            Kind::RoomNetwork | Kind::NamedNetwork if !room_networks::is_token(value) => {
                return Err(Error::invalid_param("This is not the name of a network."));
            }
            Kind::RoomNetwork | Kind::NamedNetwork => Value::open(value.to_owned()),
        })
    }

    /// An e-mail address as rules know it.
    pub fn email(&self, address: &str) -> Result<Email> {
        Email::parse(address, &self.0.secrets)
    }

    /// A registration token as rules know it.
    pub fn token_hash(&self, token: &str) -> [u8; HASH_LENGTH] {
        self.0.secrets.hash(TOKEN_PURPOSE, token)
    }

    /// The value of a rule as it was given, for those who may see it.
    pub fn reveal(&self, row: &RuleRow) -> Result<String> {
        let Some(sealed) = &row.sealed else { return Ok(row.value.clone()) };
        self.0.secrets.open_text(&columns::RULE_VALUE, &[&row.rule_id], sealed)
    }

    /// The rules as they would be after `changes`, ready for deciding.
    pub async fn preview(&self, changes: &[Change], author: &str) -> Result<RuleSet> {
        let mut rules: BTreeMap<String, Arc<Rule>> = self.0.book.lock().await.rules.clone();
        for change in changes {
            match change {
                Change::Put(new) => {
                    rules.insert(new.id.clone(), Arc::new(rows::rule(self.draft(new, author)?)?));
                }
                Change::Revoke(id) => {
                    rules.remove(id);
                }
            }
        }
        self.compile(&rules).await
    }

    /// Makes all `changes` in the name of `author`, or none of them, and notes in the audit log that `actor`
    /// did so. They are in force in this process
    /// when this returns, and soon in all others.
    pub async fn change(&self, changes: &[Change], author: &str, actor: &Actor) -> Result<()> {
        if changes.len() > MOST_CHANGES {
            return Err(Error::too_large(format!("At most {MOST_CHANGES} rules can be changed at a time.")));
        }
        let storage = &self.0.storage;
        storage
            .retry(|| async {
                let mut tx = storage.begin().await?;
                let generation = access_rules::advance(&mut tx).await?;
                for change in changes {
                    match change {
                        Change::Put(new) => {
                            let present = access_rules::find(&mut tx, &new.id).await?;
                            let row = follow(self.draft(new, author)?, present, new.replaces)?;
                            access_rules::upsert(&mut tx, &row, generation).await?;
                        }
                        Change::Revoke(id) => {
                            let now_ms = self.0.clock.now_ms();
                            if !access_rules::revoke(&mut tx, id, author, now_ms, generation).await? {
                                return Err(Error::not_found(format!("There is no rule {id:?} in force.")));
                            }
                        }
                    }
                }
                let events = changes.iter().map(|change| change.event(actor));
                self.0.audit.append(&mut tx, events).await?;
                Ok(tx.commit().await?)
            })
            .await?;
        self.refresh().await.map(drop)
    }
}

/// The row that follows the present one with its ID.
fn follow(mut row: RuleRow, present: Option<RuleRow>, replaces: Option<i32>) -> Result<RuleRow> {
    let version = present.as_ref().map_or(0, |present| present.version);
    if replaces.is_some_and(|replaced| replaced != version) {
        return Err(Error::conflict(format!("The rule has been changed: it now has version {version}.")));
    }
    row.version = version + 1;
    if let Some(present) = present {
        row.created_at = present.created_at;
    }
    Ok(row)
}

/// When a rule ends that does not say: what networks and addresses stand for changes.
fn usual_end(kind: Kind, now_ms: i64) -> Option<i64> {
    let days = match kind {
        kind if kind.is_about_networks() => 30,
        Kind::Email | Kind::EmailDomain => 365,
        _ => return None,
    };
    Some(now_ms + days * DAY_MS)
}

fn pattern(kind: Kind, value: &str) -> Result<String> {
    let glob = Glob::new(value);
    if kind == Kind::User && (!value.starts_with(['@', '*', '?']) || !value.contains([':', '*'])) {
        return Err(Error::invalid_param("A user is written as a user ID, perhaps with * and ?."));
    }
    if glob.literals() < FEWEST_LITERALS {
        return Err(Error::invalid_param("This pattern fits nearly everyone: make a rule about everyone."));
    }
    Ok(glob.as_str().to_owned())
}

impl NewRule {
    /// Refuses what no rule can be.
    fn check(&self) -> Result<()> {
        let is_id = |text: &str| {
            let is_plain = |letter: u8| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter);
            !text.is_empty() && text.len() <= LONGEST_ID && text.bytes().all(is_plain)
        };
        if !is_id(&self.id) || !self.case.as_deref().is_none_or(is_id) {
            let message = format!("The ID of a rule or a case has 1 to {LONGEST_ID} letters, digits and - _ .");
            return Err(Error::invalid_param(message));
        }
        for text in [&self.public_reason, &self.private_reason].into_iter().flatten() {
            if text.len() > LONGEST_TEXT {
                return Err(Error::too_large(format!("A reason has at most {LONGEST_TEXT} bytes.")));
            }
        }
        if self.value.len() > LONGEST_VALUE || self.origin.len() > 255 || self.origin.is_empty() {
            return Err(Error::too_large("The value or the origin is too long, or the origin is missing."));
        }
        let is_possible = match self.kind {
            Kind::RoomNetwork => matches!(self.scope, Scope::Room(_)),
            Kind::RegistrationToken => self.scope == Scope::Registration,
            Kind::Server => !matches!(self.scope, Scope::Registration | Scope::Login),
            Kind::Email | Kind::EmailDomain => self.scope != Scope::Federation,
            Kind::Everyone | Kind::User | Kind::Network | Kind::NamedNetwork => true,
        };
        if !is_possible {
            let message = format!("A rule of the kind {} cannot hold for {}.", self.kind.name(), self.scope);
            return Err(Error::invalid_param(message));
        }
        let needs_account = matches!(self.effect, Effect::RequireApproval | Effect::RequireSecondFactor);
        if self.scope == Scope::Federation && (needs_account || self.effect == Effect::RequireVerifiedEmail) {
            return Err(Error::invalid_param("Other servers cannot meet this condition."));
        }
        if self.scope == Scope::Registration && self.effect == Effect::RequireSecondFactor {
            return Err(Error::invalid_param("Nobody has a second factor before they have an account."));
        }
        if let Effect::RateLimit { count, per_ms } = self.effect
            && (count == 0 || !(1000..=30 * DAY_MS).contains(&per_ms))
        {
            return Err(Error::invalid_param("A rate limit allows at least one in 1 s to 30 days."));
        }
        Ok(())
    }
}
