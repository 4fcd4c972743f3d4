//! Turns the credentials of ruma's authentication schemes into typed callers.

use std::future::Future;

use ruma::api::auth_scheme::{
    AccessToken, AccessTokenOptional, AppserviceTokenOptional, AuthScheme, NoAccessToken, NoAuthentication,
};

use crate::{App, Error, Result, accounts::User, audit::Origin};

/// What the credentials came with.
#[derive(Debug)]
pub struct Circumstances<'a> {
    /// The request without its body.
    pub request: &'a http::Request<()>,
    /// From where it came.
    pub origin: &'a Origin,
}

/// An authentication scheme that this server can check.
pub trait Authenticate: AuthScheme {
    /// Who called.
    type Caller: Send + 'static;

    /// Checks the credentials in the request.
    fn authenticate(app: &App, of: &Circumstances<'_>) -> impl Future<Output = Result<Self::Caller>> + Send;

    /// The user among callers, if there is one.
    fn user(_: &Self::Caller) -> Option<&User> {
        None
    }
}

impl Authenticate for NoAuthentication {
    type Caller = ();

    async fn authenticate(_: &App, _: &Circumstances<'_>) -> Result<()> {
        Ok(())
    }
}

impl Authenticate for NoAccessToken {
    type Caller = ();

    async fn authenticate(_: &App, _: &Circumstances<'_>) -> Result<()> {
        Ok(())
    }
}

/// Endpoints that application services may call with their token and others without.
impl Authenticate for AppserviceTokenOptional {
    type Caller = ();

    async fn authenticate(_: &App, _: &Circumstances<'_>) -> Result<()> {
        Ok(())
    }
}

impl Authenticate for AccessToken {
    type Caller = User;

    async fn authenticate(app: &App, of: &Circumstances<'_>) -> Result<User> {
        let token = Self::extract_authentication(of.request)
            .map_err(|_| Error::missing_token("An access token is needed here."))?;
        authenticate(app, of, &token).await
    }

    fn user(caller: &User) -> Option<&User> {
        Some(caller)
    }
}

impl Authenticate for AccessTokenOptional {
    type Caller = Option<User>;

    async fn authenticate(app: &App, of: &Circumstances<'_>) -> Result<Option<User>> {
        let token = Self::extract_authentication(of.request)
            .map_err(|_| Error::missing_token("The access token is malformed."))?;
        match token {
            Some(token) => Ok(Some(authenticate(app, of, &token).await?)),
            None => Ok(None),
        }
    }

    fn user(caller: &Option<User>) -> Option<&User> {
        caller.as_ref()
    }
}

/// A locked account's sessions can do nothing but end. Client-server API, "Account locking".
async fn authenticate(app: &App, of: &Circumstances<'_>, token: &str) -> Result<User> {
    let path = of.request.uri().path();
    if path.ends_with("/logout") || path.ends_with("/logout/all") {
        app.accounts.sessions.authenticate_even_locked(token, of.origin).await
    } else {
        app.accounts.sessions.authenticate(token, of.origin).await
    }
}
