//! Turns the credentials of ruma's authentication schemes into typed callers.

use std::{future::Future, net::IpAddr};

use ruma::api::auth_scheme::{
    AccessToken, AccessTokenOptional, AppserviceTokenOptional, AuthScheme, NoAccessToken, NoAuthentication,
};

use crate::{App, Error, Result, accounts::User};

/// What the credentials came with.
#[derive(Debug)]
pub struct Circumstances<'a> {
    /// The request without its body.
    pub request: &'a http::Request<()>,
    /// The client's address.
    pub address: IpAddr,
}

/// An authentication scheme that this server can check.
pub trait Authenticate: AuthScheme {
    /// Who called.
    type Caller: Send + 'static;

    /// Checks the credentials in the request.
    fn authenticate(app: &App, of: &Circumstances<'_>) -> impl Future<Output = Result<Self::Caller>> + Send;
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
        app.accounts.authenticate(&token).await
    }
}

impl Authenticate for AccessTokenOptional {
    type Caller = Option<User>;

    async fn authenticate(app: &App, of: &Circumstances<'_>) -> Result<Option<User>> {
        let token = Self::extract_authentication(of.request)
            .map_err(|_| Error::missing_token("The access token is malformed."))?;
        match token {
            Some(token) => Ok(Some(app.accounts.authenticate(&token).await?)),
            None => Ok(None),
        }
    }
}
