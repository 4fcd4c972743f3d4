//! Registration tokens.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Call, Nothing};
use crate::{
    App, Error, Result,
    accounts::registration::{NewRegistrationToken, RegistrationToken},
    secrets,
};

/// The longest token.
const LONGEST: usize = 64;

/// A registration token.
#[derive(Serialize)]
pub(super) struct Token {
    token: String,
    uses_allowed: Option<u32>,
    /// Here a token is used up when the account is made, so that none is ever half used.
    pending: u32,
    completed: u32,
    expiry_time: Option<i64>,
}

impl From<RegistrationToken> for Token {
    fn from(token: RegistrationToken) -> Self {
        Self {
            token: token.token,
            uses_allowed: token.uses_allowed,
            pending: 0,
            completed: token.uses,
            expiry_time: token.expires_at,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Tokens {
    registration_tokens: Vec<Token>,
}

/// `GET /_synapse/admin/v1/registration_tokens`
pub(super) async fn list(app: App, call: Call) -> Result<Tokens> {
    #[derive(Deserialize)]
    struct Wanted {
        valid: Option<bool>,
    }
    let Wanted { valid } = call.query()?;
    let registration = &app.accounts.registration;
    let mut tokens = registration.list_tokens().await?;
    tokens.retain(|token| valid.is_none_or(|valid| registration.is_good(token) == valid));
    Ok(Tokens { registration_tokens: tokens.into_iter().map(Token::from).collect() })
}

/// `POST /_synapse/admin/v1/registration_tokens/new`
pub(super) async fn create(app: App, call: Call) -> Result<Token> {
    #[derive(Deserialize)]
    struct Body {
        token: Option<String>,
        length: Option<usize>,
        uses_allowed: Option<u32>,
        expiry_time: Option<i64>,
    }
    let body: Body = call.body()?;
    let generated = match (&body.token, body.length) {
        (None, Some(length)) if (1..=LONGEST).contains(&length) => Some(secrets::identifier(length)),
        (None, Some(_)) => return Err(Error::invalid_param(format!("A token has 1 to {LONGEST} characters."))),
        _ => None,
    };
    let lifetime = body.expiry_time.map(|expiry| lifetime(&app, expiry)).transpose()?;
    let new = NewRegistrationToken { token: body.token.or(generated), uses_allowed: body.uses_allowed, lifetime };
    let registration = &app.accounts.registration;
    let token = registration.create_token(&call.caller, new).await?;
    Ok(registration.find_token(&token).await?.into())
}

/// `GET /_synapse/admin/v1/registration_tokens/{token}`
pub(super) async fn find(app: App, call: Call) -> Result<Token> {
    Ok(app.accounts.registration.find_token(&call.args[0]).await?.into())
}

/// `PUT /_synapse/admin/v1/registration_tokens/{token}`
pub(super) async fn update(app: App, call: Call) -> Result<Token> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default, deserialize_with = "present")]
        uses_allowed: Option<Option<u32>>,
        #[serde(default, deserialize_with = "present")]
        expiry_time: Option<Option<i64>>,
    }
    let (body, registration) = (call.body::<Body>()?, &app.accounts.registration);
    let mut token = registration.find_token(&call.args[0]).await?;
    if let Some(uses_allowed) = body.uses_allowed {
        token.uses_allowed = uses_allowed;
    }
    if let Some(expiry) = body.expiry_time {
        expiry.map(|expiry| lifetime(&app, expiry)).transpose()?;
        token.expires_at = expiry;
    }
    registration.update_token(&call.caller, &token).await?;
    Ok(token.into())
}

/// `DELETE /_synapse/admin/v1/registration_tokens/{token}`
pub(super) async fn delete(app: App, call: Call) -> Result<Nothing> {
    if !app.accounts.registration.delete_token(&call.caller, &call.args[0]).await? {
        return Err(Error::not_found("There is no such registration token."));
    }
    Ok(Nothing {})
}

fn lifetime(app: &App, expiry_ms: i64) -> Result<Duration> {
    let left = expiry_ms - app.clock.now_ms();
    match u64::try_from(left) {
        Ok(left) if left > 0 => Ok(Duration::from_millis(left)),
        _ => Err(Error::invalid_param("`expiry_time` is in the past.")),
    }
}

/// Tells what is said to be nothing from what is not said.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}
