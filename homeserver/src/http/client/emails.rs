//! E-mail addresses of users.

use bytes::Bytes;
use ruma::{
    OwnedClientSecret, OwnedSessionId,
    api::{
        auth_scheme::AccessToken,
        client::{
            account::{
                ThirdPartyIdRemovalStatus, add_3pid, delete_3pid, get_3pids, request_3pid_management_token_via_email,
                request_password_change_token_via_email, request_registration_token_via_email,
            },
            uiaa::AuthData,
        },
    },
    thirdparty::Medium,
};
use serde_json::json;

use crate::{
    App, Error, Result,
    accounts::emails::{Purpose, ValidationRequest},
    http::{
        authenticate::{Authenticate, Circumstances},
        endpoint::{HttpAnswer, Incoming, Ruma, gate, json_answer},
        legacy,
    },
};

/// Where addresses were added before `/account/3pid/add`.
pub(super) const DEPRECATED: [&str; 2] = ["/_matrix/client/v3/account/3pid", "/_matrix/client/r0/account/3pid"];

/// The three endpoints that send a link take the same and answer the same.
macro_rules! request_token {
    ($(#[$doc:meta])* $name:ident, $api:ident, $purpose:expr) => {
        $(#[$doc])*
        pub(super) async fn $name(app: App, req: Ruma<$api::v3::Request>) -> Result<$api::v3::Response> {
            let language = req.language();
            let request = ValidationRequest {
                purpose: $purpose,
                email: &req.body.email,
                client_secret: &req.body.client_secret,
                send_attempt: req.body.send_attempt.into(),
                next_link: req.body.next_link.as_deref(),
                language,
                origin: &req.origin,
            };
            let sid = app.accounts.emails.request(request).await?;
            Ok($api::v3::Response::new(session_id(sid)?))
        }
    };
}

request_token! {
    /// `POST /_matrix/client/v3/register/email/requestToken`
    request_to_register, request_registration_token_via_email, Purpose::Register
}
request_token! {
    /// `POST /_matrix/client/v3/account/password/email/requestToken`
    request_to_reset_password, request_password_change_token_via_email, Purpose::ResetPassword
}
request_token! {
    /// `POST /_matrix/client/v3/account/3pid/email/requestToken`
    request_to_add, request_3pid_management_token_via_email, Purpose::Add
}

fn session_id(sid: String) -> Result<OwnedSessionId> {
    sid.try_into().map_err(|_| Error::internal("letters and digits are a session ID"))
}

/// `GET /_matrix/client/v3/account/3pid`
pub(super) async fn list(app: App, req: Ruma<get_3pids::v3::Request>) -> Result<String> {
    let emails = app.accounts.emails.list(req.caller.nid).await?;
    let emails: Vec<_> = emails
        .into_iter()
        .map(|email| {
            json!({
                "medium": "email",
                "address": email.address,
                "validated_at": email.validated_at,
                "added_at": email.added_at,
            })
        })
        .collect();
    // ruma leaves out an empty list, which clients do not expect.
    Ok(json!({ "threepids": emails }).to_string())
}

/// `POST /_matrix/client/v3/account/3pid/add`
pub(super) async fn add(app: App, req: Ruma<add_3pid::v3::Request>) -> Result<add_3pid::v3::Response> {
    let add_3pid::v3::Request { auth, client_secret, sid, .. } = req.body;
    app.accounts.contacts.add(&req.caller, auth.as_ref(), &sid, &client_secret).await?;
    Ok(add_3pid::v3::Response::new())
}

#[derive(serde::Deserialize)]
struct DeprecatedRequest {
    #[serde(alias = "threePidCreds")]
    three_pid_creds: Credentials,
    auth: Option<AuthData>,
}

#[derive(serde::Deserialize)]
struct Credentials {
    #[serde(alias = "clientSecret")]
    client_secret: OwnedClientSecret,
    sid: OwnedSessionId,
}

/// `POST /_matrix/client/v3/account/3pid`, which does the same and asks for the same proof.
pub(super) async fn add_deprecated(app: App, incoming: Incoming) -> HttpAnswer {
    let of = Circumstances { request: &incoming.request, origin: &incoming.origin };
    let caller = AccessToken::authenticate(&app, &of).await?;
    gate::<add_3pid::v3::Request>().pass(&app, Some(&caller), &incoming.origin, &incoming.path_args).await?;
    let body: Bytes = legacy::auth(incoming.body)?;
    let request: DeprecatedRequest =
        serde_json::from_slice(&body).map_err(|fault| Error::bad_json(format!("The body is malformed: {fault}.")))?;
    let Credentials { client_secret, sid } = request.three_pid_creds;
    app.accounts.contacts.add(&caller, request.auth.as_ref(), &sid, &client_secret).await?;
    json_answer("{}".to_owned())
}

/// `POST /_matrix/client/v3/account/3pid/delete`
pub(super) async fn delete(app: App, req: Ruma<delete_3pid::v3::Request>) -> Result<delete_3pid::v3::Response> {
    if req.body.medium == Medium::Email {
        app.accounts.emails.remove(&req.caller, &req.body.address).await?;
    }
    // It is bound to no identity server.
    Ok(delete_3pid::v3::Response::new(ThirdPartyIdRemovalStatus::Success))
}
