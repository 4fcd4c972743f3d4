//! Turns the credentials of ruma's authentication schemes into typed callers.

use std::{future::Future, sync::Arc};

use ruma::api::auth_scheme::{
    AccessToken, AccessTokenOptional, AppserviceToken, AppserviceTokenOptional, AuthScheme, NoAccessToken,
    NoAuthentication,
};

use crate::{
    App, Error, Result,
    accounts::{User, appservices::AppService, sessions::Identity},
    audit::Origin,
};

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

    /// Whether the caller may do things as often as it likes.
    fn is_unlimited(_: &Self::Caller) -> bool {
        false
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

/// Who calls an endpoint that has a special use for application services.
#[derive(Clone, Debug)]
pub enum Presented {
    /// An application service.
    AppService(Arc<AppService>),
    /// Somebody with another token, which means nothing here.
    OtherToken,
    /// Somebody without a token.
    Nothing,
}

impl Presented {
    /// The application service; others are refused.
    pub fn appservice(self) -> Result<Arc<AppService>> {
        match self {
            Self::AppService(service) => Ok(service),
            Self::OtherToken => Err(Error::unknown_token("This is not the token of an application service.", false)),
            Self::Nothing => Err(Error::missing_token("An application service authenticates itself by its token.")),
        }
    }
}

/// Endpoints that application services may call with their token and others without.
impl Authenticate for AppserviceTokenOptional {
    type Caller = Presented;

    async fn authenticate(app: &App, of: &Circumstances<'_>) -> Result<Presented> {
        // Others may have left something there that is none of this endpoint's business.
        Ok(match Self::extract_authentication(of.request) {
            Ok(Some(token)) => match app.accounts.appservices.find_by_token(&token) {
                Some(service) => Presented::AppService(service.clone()),
                None => Presented::OtherToken,
            },
            Ok(None) | Err(_) => Presented::Nothing,
        })
    }

    fn is_unlimited(caller: &Presented) -> bool {
        matches!(caller, Presented::AppService(_))
    }
}

/// Endpoints for application services alone.
impl Authenticate for AppserviceToken {
    type Caller = Arc<AppService>;

    async fn authenticate(app: &App, of: &Circumstances<'_>) -> Result<Arc<AppService>> {
        let token = Self::extract_authentication(of.request)
            .map_err(|_| Error::missing_token("The token of an application service is needed here."))?;
        if let Some(service) = app.accounts.appservices.find_by_token(&token) {
            return Ok(service.clone());
        }
        app.accounts.sessions.authenticate(&token, of.origin).await?;
        Err(Error::forbidden("Only application services can do this."))
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

    fn is_unlimited(caller: &User) -> bool {
        caller.is_unlimited()
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

    fn is_unlimited(caller: &Option<User>) -> bool {
        caller.as_ref().is_some_and(User::is_unlimited)
    }
}

/// A locked account's sessions can do nothing but end. Client-server API, "Account locking".
async fn authenticate(app: &App, of: &Circumstances<'_>, token: &str) -> Result<User> {
    if let Some(service) = app.accounts.appservices.find_by_token(token) {
        return app.accounts.sessions.assert(service, &identity(of.request), of.origin).await;
    }
    let path = of.request.uri().path();
    if path.ends_with("/logout") || path.ends_with("/logout/all") {
        app.accounts.sessions.authenticate_even_locked(token, of.origin).await
    } else {
        app.accounts.sessions.authenticate(token, of.origin).await
    }
}

/// As whom an application service wants to act, as the query says.
fn identity(request: &http::Request<()>) -> Identity {
    let mut identity = Identity::default();
    for (name, value) in url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
        match &*name {
            "user_id" => identity.user_id = Some(value.into_owned()),
            "device_id" | "org.matrix.msc3202.device_id" => identity.device_id = Some(value.into_owned()),
            _ => {}
        }
    }
    identity
}
