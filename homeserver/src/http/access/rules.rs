//! Reads and changes rules.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Call,
    forms::{self, RuleForm},
};
use crate::{
    App, Error, Result,
    access::{
        rule::{Kind, Scope},
        rulebook::Change,
        ruleset::Outcome,
    },
    oversight::Question,
};

/// `GET /_salon/access/v1/rules`
pub(super) async fn list(app: App, call: Call) -> Result<Value> {
    let kind: Option<Kind> = call.query("kind").map(str::parse).transpose()?;
    let scope: Option<Scope> = call.query("scope").map(str::parse).transpose()?;
    let (case, origin, effect) = (call.query("case"), call.query("origin"), call.query("effect"));
    let limit = call.limit()? as usize;
    let rules = app
        .access
        .rulebook
        .list(call.query("after").unwrap_or_default(), limit, |rule| {
            kind.is_none_or(|kind| rule.criterion.kind() == kind)
                && scope.as_ref().is_none_or(|scope| rule.scope == *scope)
                && case.is_none_or(|case| rule.case.as_deref() == Some(case))
                && origin.is_none_or(|origin| rule.origin == origin)
                && effect.is_none_or(|effect| rule.effect.name() == effect)
        })
        .await;
    let next = rules.last().filter(|_| rules.len() == limit).map(|rule| rule.id.clone());
    let rules: Vec<Value> = rules.iter().map(|rule| forms::rule(rule)).collect();
    Ok(forms::without_nulls(json!({ "rules": rules, "next": next })))
}

/// `GET /_salon/access/v1/rules/{rule_id}`
pub(super) async fn find(app: App, call: Call) -> Result<Value> {
    Ok(forms::rule(&*app.oversight.rule(&call.args[0]).await?))
}

/// `PUT /_salon/access/v1/rules/{rule_id}`
pub(super) async fn put(app: App, call: Call) -> Result<Value> {
    let new = call.body::<RuleForm>()?.read(call.args[0].clone())?;
    let is_rehearsal = call.is_set("dry_run");
    let preview = app.oversight.change(&call.caller, &[Change::Put(Box::new(new))], is_rehearsal).await?;
    let mut answer = json!({ "preview": forms::preview(&preview) });
    if !is_rehearsal {
        answer["rule"] = forms::rule(&*app.oversight.rule(&call.args[0]).await?);
    }
    Ok(answer)
}

/// `DELETE /_salon/access/v1/rules/{rule_id}`
pub(super) async fn revoke(app: App, call: Call) -> Result<Value> {
    let change = Change::Revoke(call.args[0].clone());
    let preview = app.oversight.change(&call.caller, &[change], call.is_set("dry_run")).await?;
    Ok(json!({ "preview": forms::preview(&preview) }))
}

/// `POST /_salon/access/v1/batch`
pub(super) async fn batch(app: App, call: Call) -> Result<Value> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[serde(default)]
        put: std::collections::BTreeMap<String, RuleForm>,
        #[serde(default)]
        revoke: Vec<String>,
    }
    let body: Body = call.body()?;
    let mut changes: Vec<Change> = body.revoke.into_iter().map(Change::Revoke).collect();
    for (id, form) in body.put {
        changes.push(Change::Put(Box::new(form.read(id)?)));
    }
    let preview = app.oversight.change(&call.caller, &changes, call.is_set("dry_run")).await?;
    Ok(json!({ "preview": forms::preview(&preview) }))
}

/// `POST /_salon/access/v1/evaluate`
pub(super) async fn evaluate(app: App, call: Call) -> Result<Value> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        user_id: Option<String>,
        server: Option<String>,
        address: Option<IpAddr>,
        email: Option<String>,
        registration_token: Option<String>,
        scope: String,
    }
    let body: Body = call.body()?;
    let question = Question {
        user: body.user_id,
        server: body.server,
        address: body.address,
        email: body.email,
        registration_token: body.registration_token,
        scope: body.scope.parse()?,
    };
    let gates = app.oversight.explain(&question).await?.into_iter().map(|explanation| {
        let deciding = explanation.matches.iter().find(|found| found.outcome == Outcome::Decides);
        json!({
            "scope": explanation.scope.to_string(),
            "effect": deciding.map_or("allow", |found| found.rule.effect.name()),
            "matches": explanation.matches.iter().map(forms::matched).collect::<Vec<_>>(),
        })
    });
    Ok(json!({ "gates": gates.collect::<Vec<_>>() }))
}

/// `GET /_salon/access/v1/status`
pub(super) async fn status(app: App, _: Call) -> Result<Value> {
    let access = &app.access;
    let unusable = match access.crowd.check() {
        Ok(()) => None,
        Err(Error::Refused { message, .. }) => Some(message),
        Err(fault) => return Err(fault),
    };
    Ok(forms::without_nulls(json!({
        "generation": access.rulebook.generation().await,
        "rules": access.rulebook.current().len(),
        "live_requests": access.live.list().len(),
        "network_rules_refused": unusable,
    })))
}
