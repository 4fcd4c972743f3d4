//! The access API: rules, approvals and reports, for server administrators. Described by
//! `docs/openapi/access.yaml`, which a test compares with the routes here.

mod forms;
mod queue;
mod rules;

use std::{collections::HashMap, future::Future};

use bytes::Bytes;
use http::Method;
use ruma::api::auth_scheme::{AccessToken, AuthScheme};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    endpoint::{Incoming, Route, custom},
    exchange,
};
use crate::{App, Error, Result, access::feature::Feature, accounts::User, audit::Origin};

/// What all paths begin with.
const PREFIX: &str = "/_salon/access/v1";
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
    ]
}

/// A call by an administrator.
#[derive(Debug)]
struct Call {
    caller: User,
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
        let call = Call::admit(&app, incoming).await?;
        exchange::json(&handler(app, call).await?)
    })
}

impl Call {
    /// Lets administrators in who may do so from where they are.
    async fn admit(app: &App, incoming: Incoming) -> Result<Self> {
        let Incoming { request, path_args: args, body, origin } = incoming;
        let caller = caller(app, &request, &origin).await?;
        app.access.gates.server(&caller.visitor()).await?;
        app.access.gates.feature(&caller.visitor(), Feature::AdminApi).await?;
        if !caller.is_admin {
            return Err(Error::forbidden("Only server administrators can do this."));
        }
        let query = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
        Ok(Self { caller, args, query: query.into_owned().collect(), body })
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

async fn caller(app: &App, request: &http::Request<()>, origin: &Origin) -> Result<User> {
    let token = AccessToken::extract_authentication(request);
    let token = token.map_err(|_| Error::missing_token("An access token is needed here."))?;
    app.accounts.sessions.authenticate(&token, origin).await
}
