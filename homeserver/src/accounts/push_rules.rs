//! The push rules of local users: what they are to be notified of. Client-server API, "Push Rules".
//!
//! They are account data of the type `m.push_rules`. What is stored is brought up to date with the
//! server's default rules whenever it is read.

mod checks;
pub mod defaults;

use std::sync::Arc;

use ruma::{
    UserId,
    push::{Action, AnyPushRule, InsertPushRuleError, NewPushRule, RemovePushRuleError, RuleKind, Ruleset},
};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::to_raw_value};

use super::{User, account_data::AccountData, followed::Followed};
use crate::{
    Error, Result,
    storage::{Storage, numbers::UserNid},
    tail::Tail,
};

/// The type of account data.
pub const TYPE: &str = "m.push_rules";
/// The kinds of rules, all of which clients expect to find, be they empty.
const KINDS: [&str; 5] = ["override", "content", "room", "sender", "underride"];

/// Push rules of all users; clones share what is in memory.
#[derive(Clone, Debug)]
pub struct PushRules {
    users: Followed<Ruleset>,
    account_data: AccountData,
}

impl PushRules {
    /// The rules that are stored in `storage`, whose changes go through `account_data` and come back
    /// through `tail`.
    pub fn new(storage: Storage, tail: Tail, account_data: AccountData) -> Self {
        Self { users: Followed::new(storage, tail, TYPE, rules_in), account_data }
    }

    /// The rules of a user as they are committed.
    pub async fn load(&self, user: UserNid, user_id: &UserId) -> Result<Arc<Ruleset>> {
        self.users.load(user, user_id).await
    }

    /// All rules of a user by kind, as clients see them.
    pub async fn all(&self, user: &User) -> Result<Map<String, Value>> {
        by_kind(&*self.load(user.nid, &user.id).await?)
    }

    /// The content of `m.push_rules`, whether or not the user ever changed a rule.
    pub async fn content(&self, user: &User) -> Result<Value> {
        Ok(json!({ "global": self.all(user).await? }))
    }

    /// One rule.
    pub async fn find(&self, user: &User, kind: RuleKind, id: &str) -> Result<AnyPushRule> {
        let rules = self.load(user.nid, &user.id).await?;
        Ok(rules.get(kind, id).ok_or_else(not_found)?.to_owned())
    }

    /// Makes a rule, or changes what it says, and places it after or before another one.
    pub async fn put(&self, user: &User, rule: NewPushRule, after: Option<&str>, before: Option<&str>) -> Result<()> {
        checks::rule(&rule)?;
        self.change(user, |rules| {
            if rules.get(rule.kind(), rule.rule_id()).is_none() && rules.iter().count() >= checks::MOST {
                return Err(Error::too_large("You have too many push rules."));
            }
            rules.insert(rule, after, before).map_err(|fault| refused_insert(&fault))
        })
        .await
    }

    /// Deletes a rule that the user made.
    pub async fn delete(&self, user: &User, kind: RuleKind, id: &str) -> Result<()> {
        self.change(user, |rules| match rules.remove(kind, id) {
            Ok(()) => Ok(()),
            Err(RemovePushRuleError::ServerDefault) => {
                Err(Error::invalid_param("The server's own rules can be disabled, but not deleted."))
            }
            Err(_) => Err(not_found()),
        })
        .await
    }

    /// Enables or disables a rule.
    pub async fn enable(&self, user: &User, kind: RuleKind, id: &str, is_enabled: bool) -> Result<()> {
        self.change(user, |rules| rules.set_enabled(kind, id, is_enabled).map_err(|_| not_found())).await
    }

    /// Changes what a rule does.
    pub async fn set_actions(&self, user: &User, kind: RuleKind, id: &str, actions: Vec<Action>) -> Result<()> {
        checks::actions(&actions)?;
        self.change(user, |rules| rules.set_actions(kind, id, actions).map_err(|_| not_found())).await
    }

    async fn change(&self, user: &User, change: impl FnOnce(&mut Ruleset) -> Result<()>) -> Result<()> {
        let _turn = self.account_data.turn(user.nid).await;
        let mut rules = Ruleset::clone(&*self.load(user.nid, &user.id).await?);
        change(&mut rules)?;
        let content = to_raw_value(&json!({ "global": by_kind(&rules)? })).map_err(anyhow::Error::from)?;
        self.account_data.set(user.nid, None, TYPE, content).await
    }
}

/// The rules in the content of `m.push_rules`, with the server's present default rules.
fn rules_in(content: Option<&str>, user_id: &UserId) -> Ruleset {
    #[derive(Deserialize)]
    struct Content {
        global: Ruleset,
    }
    let content = content.and_then(|content| serde_json::from_str::<Content>(content).ok());
    let mut rules = content.map_or_else(Ruleset::new, |content| content.global);
    rules.update_with_server_default(defaults::rules(user_id));
    rules
}

fn by_kind(rules: &Ruleset) -> Result<Map<String, Value>> {
    let Value::Object(mut kinds) = serde_json::to_value(rules).map_err(anyhow::Error::from)? else {
        return Err(Error::internal("push rules are no object"));
    };
    for kind in KINDS {
        kinds.entry(kind).or_insert_with(|| json!([]));
    }
    Ok(kinds)
}

fn not_found() -> Error {
    Error::not_found("There is no such push rule.")
}

fn refused_insert(fault: &InsertPushRuleError) -> Error {
    match fault {
        InsertPushRuleError::ServerDefaultRuleId => {
            Error::invalid_param("Rule IDs that start with a dot are the server's.")
        }
        InsertPushRuleError::InvalidRuleId => Error::invalid_param("A rule ID has no slashes and no backslashes."),
        InsertPushRuleError::RelativeToServerDefaultRule => {
            Error::invalid_param("Rules cannot be placed next to the server's.")
        }
        InsertPushRuleError::UnknownRuleId => Error::unknown("There is no such rule to place the other next to."),
        InsertPushRuleError::BeforeHigherThanAfter => {
            Error::unknown("No rule can be after the one and before the other: they stand the other way round.")
        }
        fault => Error::unknown(format!("The rule cannot be placed there: {fault}.")),
    }
}
