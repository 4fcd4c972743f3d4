//! OAuth 2.0 for applications; what people see of it are pages.

use http::{Method, header};
use serde_json::json;

use super::{
    endpoint::{HttpAnswer, Incoming, Route, custom},
    error,
};
use crate::{
    App, Error, Result,
    access::rate_limits::{Action, Subject},
    accounts::oauth::{Outcome, Parameters, TokenAnswer},
};

/// All endpoints for applications.
#[rustfmt::skip]
pub fn routes() -> Vec<Route> {
    vec![
        custom(Method::GET, &METADATA, metadata),
        custom(Method::POST, &["/oauth2/register"], register),
        custom(Method::POST, &["/oauth2/token"], token),
        custom(Method::POST, &["/oauth2/revoke"], revoke),
        custom(Method::POST, &["/oauth2/device"], device),
    ]
}

/// The last two are where OAuth and OpenID Connect have them; older clients look there.
const METADATA: [&str; 4] = [
    "/_matrix/client/v1/auth_metadata",
    "/_matrix/client/unstable/org.matrix.msc2965/auth_metadata",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
];

/// `GET /_matrix/client/v1/auth_metadata`
async fn metadata(app: App, _: Incoming) -> HttpAnswer {
    let may_register = app.accounts.registration.check_open().is_ok();
    let metadata = app.accounts.oauth.metadata(may_register).ok_or_else(not_served)?;
    json_with(metadata.to_string(), 200, "public, max-age=3600")
}

/// `POST /oauth2/register`
async fn register(app: App, incoming: Incoming) -> HttpAnswer {
    let registered = async {
        check_served(&app)?;
        app.access.rate_limits.take(Action::Registration, Subject::address(incoming.origin.address))?;
        app.accounts.oauth.register(&incoming.body).await
    };
    answer(registered.await, |client| {
        let mut members = serde_json::to_value(&client.metadata).map_err(|fault| Error::internal(fault.to_string()))?;
        members["client_id"] = json!(client.id);
        json_with(members.to_string(), 201, "no-store")
    })
}

/// `POST /oauth2/token`. There is no limit on how often, because clients that are refused take
/// themselves for logged out, and nobody guesses what is exchanged here.
async fn token(app: App, incoming: Incoming) -> HttpAnswer {
    let exchanged = async {
        check_served(&app)?;
        app.accounts.oauth.exchange(&Parameters::parse(&incoming.body), &incoming.origin).await
    };
    answer(exchanged.await, |TokenAnswer { tokens, scope }| {
        let members = json!({
            "access_token": tokens.access,
            "token_type": "Bearer",
            "expires_in": tokens.expires_in.map(|lifetime| lifetime.as_secs()),
            "refresh_token": tokens.refresh,
            "scope": scope,
        });
        json_with(members.to_string(), 200, "no-store")
    })
}

/// `POST /oauth2/revoke`. Some clients read the answer as JSON, so there is some.
async fn revoke(app: App, incoming: Incoming) -> HttpAnswer {
    let revoked = async {
        check_served(&app)?;
        app.accounts.oauth.revoke(&Parameters::parse(&incoming.body), &incoming.origin).await
    };
    answer(revoked.await, |()| json_with("{}".to_owned(), 200, "no-store"))
}

/// `POST /oauth2/device`
async fn device(app: App, incoming: Incoming) -> HttpAnswer {
    let begun = async {
        check_served(&app)?;
        app.access.rate_limits.take(Action::Login, Subject::address(incoming.origin.address))?;
        app.accounts.oauth.begin_waiting(&Parameters::parse(&incoming.body)).await
    };
    let page = app.accounts.oauth.device_page().unwrap_or_default();
    answer(begun.await, |codes| {
        let members = json!({
            "device_code": codes.device_code,
            "user_code": codes.user_code,
            "verification_uri": page,
            "verification_uri_complete": format!("{page}?user_code={}", codes.user_code),
            "expires_in": codes.expires_in_s,
            "interval": codes.interval_s,
        });
        json_with(members.to_string(), 200, "no-store")
    })
}

fn check_served(app: &App) -> Result<()> {
    if app.accounts.oauth.is_served() { Ok(()) } else { Err(not_served()) }
}

fn not_served() -> Error {
    Error::unrecognized("This server does not serve OAuth 2.0.")
}

fn answer<T>(outcome: Outcome<T>, tell: impl FnOnce(T) -> HttpAnswer) -> HttpAnswer {
    match outcome {
        Ok(done) => tell(done),
        Err(fault) => error::oauth(fault),
    }
}

fn json_with(json: String, status: u16, caching: &str) -> HttpAnswer {
    http::Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CACHE_CONTROL, caching)
        .body(json.into())
        .map_err(|fault| Error::internal(fault.to_string()))
}
