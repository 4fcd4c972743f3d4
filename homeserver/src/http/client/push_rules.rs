//! Push rules.

use ruma::{
    api::{
        IncomingRequest,
        auth_scheme::AccessToken,
        client::push::{
            PushRule, delete_pushrule, get_pushrule, get_pushrule_actions, get_pushrule_enabled, get_pushrules_all,
            get_pushrules_global_scope, set_pushrule, set_pushrule_actions, set_pushrule_enabled,
        },
        error::DeserializationError,
    },
    metadata,
};

use crate::{
    App, Error, Result,
    http::endpoint::{HttpAnswer, Incoming, Ruma},
};

/// The paths of push rules and of all that is no push rule; what has a use is bound before.
pub(super) const OTHERS: [&str; 8] = [
    "/_matrix/client/v3/pushrules/{rest:.*}",
    "/_matrix/client/v3/pushrules/",
    "/_matrix/client/v3/pushrules/global/",
    "/_matrix/client/v3/pushrules/global/{kind}/",
    "/_matrix/client/r0/pushrules/{rest:.*}",
    "/_matrix/client/r0/pushrules/",
    "/_matrix/client/r0/pushrules/global/",
    "/_matrix/client/r0/pushrules/global/{kind}/",
];
const NO_RULES: &str = "This path is not that of a push rule.";

/// The request for the rules of a kind.
#[derive(Debug)]
pub struct OfKind {
    kind: String,
}

metadata! {
    @for OfKind,
    method: GET,
    rate_limited: false,
    authentication: AccessToken,
    history: {
        1.0 => "/_matrix/client/r0/pushrules/global/{kind}/",
        1.1 => "/_matrix/client/v3/pushrules/global/{kind}/",
    }
}

impl IncomingRequest for OfKind {
    type EndpointError = <get_pushrules_global_scope::v3::Request as IncomingRequest>::EndpointError;
    type OutgoingResponse = get_pushrules_global_scope::v3::Response;

    fn try_from_http_request_inner(_: http::Request<&[u8]>, args: &[&str]) -> Result<Self, DeserializationError> {
        Ok(Self { kind: args.first().copied().unwrap_or_default().to_owned() })
    }
}

/// `GET /_matrix/client/v3/pushrules/`
pub async fn all(app: App, req: Ruma<get_pushrules_all::v3::Request>) -> Result<String> {
    Ok(app.accounts.push_rules.content(&req.caller).await?.to_string())
}

/// `GET /_matrix/client/v3/pushrules/global/`
pub async fn global(app: App, req: Ruma<get_pushrules_global_scope::v3::Request>) -> Result<String> {
    Ok(serde_json::Value::Object(app.accounts.push_rules.all(&req.caller).await?).to_string())
}

/// `GET /_matrix/client/v3/pushrules/global/{kind}/`, as there was in r0.
pub async fn of_kind(app: App, req: Ruma<OfKind>) -> Result<String> {
    let mut rules = app.accounts.push_rules.all(&req.caller).await?;
    let rules = rules.remove(&req.body.kind).ok_or_else(|| Error::invalid_param(NO_RULES))?;
    Ok(rules.to_string())
}

/// Everything else below `/pushrules/`: there are no other scopes and kinds, and no rules without names.
pub async fn refuse(_: App, _: Incoming) -> HttpAnswer {
    Err(Error::invalid_param(NO_RULES))
}

/// `GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}`
pub async fn find(app: App, req: Ruma<get_pushrule::v3::Request>) -> Result<get_pushrule::v3::Response> {
    let get_pushrule::v3::Request { kind, rule_id, .. } = req.body;
    let rule = app.accounts.push_rules.find(&req.caller, kind, &rule_id).await?;
    Ok(get_pushrule::v3::Response::new(PushRule::from(rule)))
}

/// `PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}`
pub async fn put(app: App, req: Ruma<set_pushrule::v3::Request>) -> Result<set_pushrule::v3::Response> {
    let set_pushrule::v3::Request { rule, before, after, .. } = req.body;
    app.accounts.push_rules.put(&req.caller, rule, after.as_deref(), before.as_deref()).await?;
    Ok(set_pushrule::v3::Response::new())
}

/// `DELETE /_matrix/client/v3/pushrules/global/{kind}/{ruleId}`
pub async fn delete(app: App, req: Ruma<delete_pushrule::v3::Request>) -> Result<delete_pushrule::v3::Response> {
    let delete_pushrule::v3::Request { kind, rule_id, .. } = req.body;
    app.accounts.push_rules.delete(&req.caller, kind, &rule_id).await?;
    Ok(delete_pushrule::v3::Response::new())
}

/// `GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled`
pub async fn is_enabled(
    app: App,
    req: Ruma<get_pushrule_enabled::v3::Request>,
) -> Result<get_pushrule_enabled::v3::Response> {
    let get_pushrule_enabled::v3::Request { kind, rule_id, .. } = req.body;
    let rule = app.accounts.push_rules.find(&req.caller, kind, &rule_id).await?;
    Ok(get_pushrule_enabled::v3::Response::new(rule.enabled()))
}

/// `PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled`
pub async fn enable(
    app: App,
    req: Ruma<set_pushrule_enabled::v3::Request>,
) -> Result<set_pushrule_enabled::v3::Response> {
    let set_pushrule_enabled::v3::Request { kind, rule_id, enabled, .. } = req.body;
    app.accounts.push_rules.enable(&req.caller, kind, &rule_id, enabled).await?;
    Ok(set_pushrule_enabled::v3::Response::new())
}

/// `GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions`
pub async fn actions(
    app: App,
    req: Ruma<get_pushrule_actions::v3::Request>,
) -> Result<get_pushrule_actions::v3::Response> {
    let get_pushrule_actions::v3::Request { kind, rule_id, .. } = req.body;
    let rule = app.accounts.push_rules.find(&req.caller, kind, &rule_id).await?;
    Ok(get_pushrule_actions::v3::Response::new(rule.actions().to_vec()))
}

/// `PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions`
pub async fn set_actions(
    app: App,
    req: Ruma<set_pushrule_actions::v3::Request>,
) -> Result<set_pushrule_actions::v3::Response> {
    let set_pushrule_actions::v3::Request { kind, rule_id, actions, .. } = req.body;
    app.accounts.push_rules.set_actions(&req.caller, kind, &rule_id, actions).await?;
    Ok(set_pushrule_actions::v3::Response::new())
}
