//! The access API: rules, sessions, approvals and reports, for server administrators; and what moderators
//! of rooms can do about networks. Described by
//! `docs/openapi/access.yaml`, which a test compares with the routes here.

mod accounts;
mod forms;
mod queue;
mod rooms;
mod rules;
mod sessions;

use std::{collections::HashMap, future::Future};

use bytes::Bytes;
use http::Method;
use ruma::{UserId, api::auth_scheme::AccessToken};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    authenticate::{Authenticate, Circumstances},
    endpoint::{Incoming, Route, custom},
    exchange,
};
use crate::{
    App, Error, Result,
    access::feature::Feature,
    accounts::User,
    audit::Origin,
    storage::accounts::{AccountKind, AccountState},
};

/// What all paths begin with.
const PREFIX: &str = "/_salon/access/v1";
/// The header in which application services name the person for whom they call.
const ACTING_USER: &str = "X-Acting-User";
/// Entries on a page, if the caller does not say, and at most.
const PAGE: (u32, u32) = (100, 1000);

/// All endpoints.
pub fn routes() -> Vec<Route> {
    vec![
        route(Method::GET, "/rules", rules::list),
        route(Method::GET, "/rules/{rule_id}", rules::find),
        route(Method::PUT, "/rules/{rule_id}", rules::put),
        route(Method::DELETE, "/rules/{rule_id}", rules::revoke),
        route(Method::POST, "/batch", rules::batch),
        route(Method::POST, "/evaluate", rules::evaluate),
        route(Method::GET, "/status", rules::status),
        route(Method::GET, "/approvals", queue::approvals),
        route(Method::POST, "/approvals/{user_id}", queue::decide),
        route(Method::GET, "/reports", queue::reports),
        route(Method::GET, "/events", queue::events),
        route(Method::GET, "/sessions", sessions::list),
        route(Method::GET, "/staff", accounts::staff),
        route(Method::GET, "/accounts/{user_id}", accounts::find),
        route(Method::PUT, "/accounts/{user_id}", accounts::restrict),
        route(Method::DELETE, "/rooms/{room_id}", rooms::close),
        moderators_route(Method::GET, "/rooms/{room_id}/networks", rooms::networks),
        moderators_route(Method::GET, "/rooms/{room_id}/rules", rooms::rules),
        moderators_route(Method::PUT, "/rooms/{room_id}/rules/{rule_id}", rooms::put),
        moderators_route(Method::DELETE, "/rooms/{room_id}/rules/{rule_id}", rooms::revoke),
    ]
}

/// A call by somebody who may make it.
#[derive(Debug)]
struct Call {
    caller: User,
    /// Whether an application service calls that says itself who may administrate.
    is_vouched_for: bool,
    args: Vec<String>,
    query: HashMap<String, String>,
    body: Bytes,
}

fn route<H, F>(method: Method, path: &'static str, handler: H) -> Route
where
    H: Fn(App, Call) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Value>> + Send,
{
    custom(method, &[&format!("{PREFIX}{path}")], move |app, incoming| async move {
        let call = Call::admit(&app, incoming).await?.of_administrator(&app).await?;
        exchange::json(&handler(app, call).await?)
    })
}

/// The same for callers who look after rooms, as those know who answer it.
fn moderators_route<H, F>(method: Method, path: &'static str, handler: H) -> Route
where
    H: Fn(App, Call) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Value>> + Send,
{
    custom(method, &[&format!("{PREFIX}{path}")], move |app, incoming| async move {
        let call = Call::admit(&app, incoming).await?;
        exchange::json(&handler(app, call).await?)
    })
}

impl Call {
    async fn admit(app: &App, incoming: Incoming) -> Result<Self> {
        let Incoming { request, path_args: args, body, origin } = incoming;
        let (caller, is_vouched_for) = caller(app, &request, &origin).await?;
        app.access.gates.server(&caller.visitor()).await?;
        let query = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
        Ok(Self { caller, is_vouched_for, args, query: query.into_owned().collect(), body })
    }

    /// Lets administrators in who may do so from where they are.
    async fn of_administrator(mut self, app: &App) -> Result<Self> {
        app.access.gates.feature(&self.caller.visitor(), Feature::AdminApi).await?;
        self.caller.is_vouched_for = self.is_vouched_for && !self.caller.is_admin;
        self.caller.is_admin |= self.is_vouched_for;
        if !self.caller.is_admin {
            return Err(Error::forbidden("Only server administrators can do this."));
        }
        Ok(self)
    }

    fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn is_set(&self, name: &str) -> bool {
        self.query(name) == Some("true")
    }

    fn limit(&self) -> Result<u32> {
        let Some(limit) = self.query("limit") else { return Ok(PAGE.0) };
        let limit: u32 = limit.parse().map_err(|_| Error::invalid_param("`limit` is not a number."))?;
        Ok(limit.clamp(1, PAGE.1))
    }

    fn body<T: DeserializeOwned>(&self) -> Result<T> {
        let body = if self.body.is_empty() { b"{}" } else { &*self.body };
        serde_json::from_slice(body).map_err(|fault| match fault.classify() {
            serde_json::error::Category::Data => Error::bad_json(format!("The body is not what is expected: {fault}.")),
            _ => Error::not_json(format!("The body is not JSON: {fault}.")),
        })
    }
}

/// The same without the parameter `user_id`, by which application services act as one of their users
/// elsewhere: here it says whom a question is about.
fn not_as_its_user(request: &http::Request<()>) -> http::Request<()> {
    let mut cleared = request.clone();
    let query = request.uri().query().unwrap_or_default();
    let rest = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "user_id");
    let rest = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish();
    if let Ok(uri) = format!("{}?{rest}", request.uri().path()).parse() {
        *cleared.uri_mut() = uri;
    }
    cleared
}

/// The caller; where an application service calls that may do so, the user of this server whom it names,
/// or itself. It vouches for them: they may administrate because it says so, within limits (`oversight`).
async fn caller(app: &App, request: &http::Request<()>, origin: &Origin) -> Result<(User, bool)> {
    let request = &not_as_its_user(request);
    let caller = AccessToken::authenticate(app, &Circumstances { request, origin }).await?;
    let named = request.headers().get(ACTING_USER);
    let Some(service) = &caller.appservice else {
        return match named {
            Some(named) if named.as_bytes() != caller.id.as_bytes() => {
                Err(Error::forbidden("Only application services act for others: call without X-Acting-User."))
            }
            _ => Ok((caller, false)),
        };
    };
    if !app.config.access.appservices.contains(&service.id) {
        return Err(Error::forbidden("This application service may not administrate: see access.appservices."));
    }
    let Some(named) = named else { return Ok((caller, true)) };
    let named = named.to_str().unwrap_or_default();
    let user_id = UserId::parse(named).map_err(|_| Error::invalid_param("This is not a user ID."))?;
    let account = app.accounts.administration.find(&user_id).await?;
    if account.state() != AccountState::Active || account.kind == AccountKind::Guest {
        return Err(Error::forbidden(format!("{user_id} cannot act.")));
    }
    let named = User { id: account.user_id, nid: account.user, device_id: None, is_admin: account.is_admin, ..caller };
    Ok((named, true))
}
