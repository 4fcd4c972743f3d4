//! Begins, continues and ends sessions.

use ruma::api::client::{
    session::{
        get_login_token,
        get_login_types::v3 as get_login_types,
        login::v3::{self as login, LoginInfo},
        logout, logout_all, refresh_token,
    },
    uiaa::UserIdentifier,
};
use serde_json::{Value, json};

use crate::{
    App, Error, Result,
    accounts::sessions::{NewSession, SessionRequest},
    audit::Origin,
    config::{IdentityProvider, identity_providers},
    http::{authenticate::Presented, endpoint::Ruma},
};

/// `GET /_matrix/client/v3/login`
pub(super) async fn login_types(app: App, _: Ruma<get_login_types::Request>) -> Result<String> {
    let mut sso = json!({ "type": "m.login.sso" });
    if app.accounts.oauth.is_served() {
        // Client-server API, "OAuth 2.0 aware clients"; the other is its name in MSC3824.
        sso["oauth_aware_preferred"] = json!(true);
        sso["org.matrix.msc3824.delegated_oidc_compatibility"] = json!(true);
    }
    let providers = app.accounts.identities.providers();
    if !providers.is_empty() {
        // Where some are named, clients offer no others: the pages of this server are one of them.
        let here = json!({ "id": identity_providers::HERE, "name": app.config.server.name });
        sso["identity_providers"] = providers.iter().map(shown).chain([here]).collect();
    }
    let flows = json!([
        { "type": "m.login.password" },
        sso,
        { "type": "m.login.token", "get_login_token": true },
        { "type": "m.login.application_service" },
    ]);
    Ok(json!({ "flows": flows }).to_string())
}

/// Client-server API, "Definitions", `IdentityProvider`.
fn shown(provider: &IdentityProvider) -> Value {
    let mut shown = json!({ "id": provider.id, "name": provider.name });
    if let Some(brand) = &provider.brand {
        shown["brand"] = json!(brand);
    }
    if let Some(icon) = &provider.icon {
        shown["icon"] = json!(icon);
    }
    shown
}

/// `POST /_matrix/client/v3/login`
pub(super) async fn login(app: App, req: Ruma<login::Request>) -> Result<login::Response> {
    let (origin, caller) = (req.origin, req.caller);
    let login::Request { login_info, device_id, initial_device_display_name, refresh_token, .. } = req.body;
    let request = SessionRequest {
        device_id,
        display_name: initial_device_display_name,
        is_refreshable: refresh_token,
        ..SessionRequest::default()
    };
    let session = begin(&app, login_info, caller, &origin, &request).await?;
    let mut response = login::Response::new(session.user_id, session.tokens.access, session.device_id);
    response.refresh_token = session.tokens.refresh;
    response.expires_in = session.tokens.expires_in;
    Ok(response)
}

async fn begin(
    app: &App,
    info: LoginInfo,
    caller: Presented,
    origin: &Origin,
    request: &SessionRequest,
) -> Result<NewSession> {
    let login = &app.accounts.login;
    match info {
        LoginInfo::Password(info) => match info.identifier {
            Some(UserIdentifier::Matrix(identifier)) => {
                login.with_password(&identifier.user, &info.password, origin, request).await
            }
            Some(UserIdentifier::Email(identifier)) => {
                login.with_email(&identifier.address, &info.password, origin, request).await
            }
            Some(_) => Err(Error::forbidden("No account is known by this.")),
            None => Err(Error::bad_json("The member `identifier` is missing.")),
        },
        LoginInfo::ApplicationService(info) => {
            let service = caller.appservice()?;
            let Some(UserIdentifier::Matrix(identifier)) = info.identifier else {
                return Err(Error::bad_json("An application service names a user by `m.id.user`."));
            };
            login.by_appservice(&service, &identifier.user, origin, request).await
        }
        LoginInfo::Token(info) => login.with_token(&info.token, origin, request).await,
        other => Err(Error::unknown(format!("Nobody can log in by {} here.", other.login_type()))),
    }
}

/// `POST /_matrix/client/v1/login/get_token`
pub(super) async fn login_token(
    app: App,
    req: Ruma<get_login_token::v1::Request>,
) -> Result<get_login_token::v1::Response> {
    let (token, lifetime) = app.accounts.login.issue_token(&req.caller, req.body.auth.as_ref()).await?;
    Ok(get_login_token::v1::Response::new(lifetime, token))
}

/// `POST /_matrix/client/v3/refresh`
pub(super) async fn refresh(app: App, req: Ruma<refresh_token::v3::Request>) -> Result<refresh_token::v3::Response> {
    let tokens = app.accounts.sessions.refresh(&req.body.refresh_token, &req.origin).await?;
    let mut response = refresh_token::v3::Response::new(tokens.access);
    response.refresh_token = tokens.refresh;
    response.expires_in_ms = tokens.expires_in;
    Ok(response)
}

/// `POST /_matrix/client/v3/logout`
pub(super) async fn logout(app: App, req: Ruma<logout::v3::Request>) -> Result<logout::v3::Response> {
    app.devices.logout(&req.caller).await?;
    Ok(logout::v3::Response::new())
}

/// `POST /_matrix/client/v3/logout/all`
pub(super) async fn logout_all(app: App, req: Ruma<logout_all::v3::Request>) -> Result<logout_all::v3::Response> {
    app.devices.logout_all(&req.caller).await?;
    Ok(logout_all::v3::Response::new())
}
