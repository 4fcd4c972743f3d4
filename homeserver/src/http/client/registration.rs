//! Creates accounts.

use ruma::api::client::account::{
    check_registration_token_validity, get_username_availability,
    register::{self, LoginType, RegistrationKind},
};

use crate::{
    App, Error, Result,
    accounts::{registration::RegistrationRequest, sessions::SessionRequest},
    http::endpoint::Ruma,
    json,
};

/// `POST /_matrix/client/v3/register`
pub(super) async fn register(app: App, req: Ruma<register::v3::Request>) -> Result<String> {
    let request = req.body;
    if request.kind == RegistrationKind::Guest {
        return Err(Error::forbidden("Guests cannot use this server."));
    }
    let registration = RegistrationRequest {
        name: request.username,
        password: request.password,
        session: (!request.inhibit_login).then_some(SessionRequest {
            device_id: request.device_id,
            display_name: request.initial_device_display_name,
            is_refreshable: request.refresh_token,
            ..SessionRequest::default()
        }),
    };
    let origin = req.origin;
    let (user_id, session) = if request.login_type == Some(LoginType::ApplicationService) {
        app.accounts.registration.by_appservice(&*req.caller.appservice()?, registration, &origin).await?
    } else {
        app.accounts.registration.register(registration, request.auth.as_ref(), &origin).await?
    };
    // ruma writes null where the specification wants nothing.
    Ok(json::object(|answer| {
        answer.text("user_id", user_id.as_str());
        if let Some(session) = session {
            answer.text("device_id", session.device_id.as_str());
            answer.text("access_token", &session.tokens.access);
            if let Some(refresh) = &session.tokens.refresh {
                answer.text("refresh_token", refresh);
            }
            if let Some(lifetime) = session.tokens.expires_in {
                answer.raw("expires_in_ms", &lifetime.as_millis().to_string());
            }
        }
    }))
}

/// `GET /_matrix/client/v3/register/available`
pub(super) async fn is_available(
    app: App,
    req: Ruma<get_username_availability::v3::Request>,
) -> Result<get_username_availability::v3::Response> {
    app.accounts.registration.check_open()?;
    app.accounts.registration.name_to_register(&req.body.username).await?;
    Ok(get_username_availability::v3::Response::new(true))
}

/// `GET /_matrix/client/v1/register/m.login.registration_token/validity`
pub(super) async fn is_token_valid(
    app: App,
    req: Ruma<check_registration_token_validity::v1::Request>,
) -> Result<check_registration_token_validity::v1::Response> {
    let valid = app.accounts.registration.is_token_valid(&req.body.token).await?;
    Ok(check_registration_token_validity::v1::Response::new(valid))
}
