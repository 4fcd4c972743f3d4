//! The JSON of the access API.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Result,
    access::{
        rule::{Effect, Rule},
        rulebook::NewRule,
        ruleset::{Match, Outcome},
    },
    oversight::Preview,
};

/// What rules that people write come from.
const OPERATOR: &str = "operator";

/// A rule that is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleForm {
    kind: String,
    #[serde(default)]
    value: String,
    scope: String,
    effect: String,
    limit: Option<LimitForm>,
    reason: Option<String>,
    private_reason: Option<String>,
    case: Option<String>,
    origin: Option<String>,
    expires_at: Option<i64>,
    #[serde(default)]
    permanent: bool,
    replaces_version: Option<i32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitForm {
    count: u32,
    per_s: u32,
}

impl RuleForm {
    pub(super) fn read(self, id: String) -> Result<NewRule> {
        let limit = self.limit.map(|limit| (limit.count, i64::from(limit.per_s) * 1000));
        Ok(NewRule {
            id,
            kind: self.kind.parse()?,
            value: self.value,
            scope: self.scope.parse()?,
            effect: Effect::parse(&self.effect, limit)?,
            public_reason: self.reason,
            private_reason: self.private_reason,
            case: self.case,
            origin: self.origin.unwrap_or_else(|| OPERATOR.to_owned()),
            expires_at: self.expires_at,
            is_permanent: self.permanent,
            replaces: self.replaces_version,
        })
    }
}

pub(super) fn rule(rule: &Rule) -> Value {
    let limit = match rule.effect {
        Effect::RateLimit { count, per_ms } => Some(json!({ "count": count, "per_s": per_ms / 1000 })),
        _ => None,
    };
    let (matches, last_match_at) = rule.hits.all();
    let revoked = rule.revoked.as_ref();
    without_nulls(json!({
        "rule_id": rule.id,
        "version": rule.version,
        "kind": rule.criterion.kind().name(),
        "value": rule.value,
        "scope": rule.scope.to_string(),
        "effect": rule.effect.name(),
        "limit": limit,
        "reason": rule.public_reason,
        "private_reason": rule.private_reason,
        "case": rule.case,
        "origin": rule.origin,
        "author": rule.author,
        "created_at": rule.created_at,
        "updated_at": rule.updated_at,
        "expires_at": rule.expires_at,
        "revoked_at": revoked.map(|(at, _)| at),
        "revoked_by": revoked.map(|(_, by)| by),
        "match_count": matches,
        "last_match_at": last_match_at,
    }))
}

pub(super) fn preview(preview: &Preview) -> Value {
    json!({
        "accounts": preview.accounts,
        "users": preview.users,
        "live_requests": preview.live_requests,
    })
}

pub(super) fn matched(found: &Match) -> Value {
    let outcome = match found.outcome {
        Outcome::Decides => "decides",
        Outcome::LessSpecific => "less_specific",
        Outcome::LessStrict => "less_strict",
        Outcome::Noted => "noted",
        Outcome::Default => "default",
    };
    json!({ "rule": rule(&found.rule), "outcome": outcome })
}

/// The same without members that say nothing.
pub(super) fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.retain(|_, member| !member.is_null());
    }
    value
}
