//! Manages the caller's account.

use ruma::api::client::account::{ThirdPartyIdRemovalStatus, change_password, deactivate, unbind_3pid, whoami};

use crate::{
    App, Error, Result,
    error::ErrorKind,
    http::endpoint::{HttpAnswer, Incoming, Ruma},
};

/// Where telephone numbers would be proved, or anything bound to an identity server.
#[rustfmt::skip]
pub(super) const THIRD_PARTY_IDS: [&str; 8] = [
    "/_matrix/client/v3/register/msisdn/requestToken",
    "/_matrix/client/r0/register/msisdn/requestToken",
    "/_matrix/client/v3/account/password/msisdn/requestToken",
    "/_matrix/client/r0/account/password/msisdn/requestToken",
    "/_matrix/client/v3/account/3pid/bind",
    "/_matrix/client/r0/account/3pid/bind",
    "/_matrix/client/v3/account/3pid/msisdn/requestToken",
    "/_matrix/client/r0/account/3pid/msisdn/requestToken",
];

/// `POST /_matrix/client/v3/account/password`
pub(super) async fn password(
    app: App,
    req: Ruma<change_password::v3::Request>,
) -> Result<change_password::v3::Response> {
    let change_password::v3::Request { new_password, logout_devices, auth, .. } = req.body;
    let (administration, auth) = (&app.accounts.administration, auth.as_ref());
    match req.caller {
        Some(caller) => administration.change_password(&caller, auth, &new_password, logout_devices).await?,
        None => administration.change_password_by_email(auth, &new_password, logout_devices, &req.origin).await?,
    }
    Ok(change_password::v3::Response::new())
}

/// `POST /_matrix/client/v3/account/deactivate`
pub(super) async fn deactivate(app: App, req: Ruma<deactivate::v3::Request>) -> Result<deactivate::v3::Response> {
    let caller = req.caller.ok_or_else(no_other_proof)?;
    app.accounts.administration.deactivate_self(&caller, req.body.auth.as_ref(), req.body.erase).await?;
    // There are no identifiers to unbind.
    Ok(deactivate::v3::Response::new(ThirdPartyIdRemovalStatus::Success))
}

/// `GET /_matrix/client/v3/account/whoami`
pub(super) async fn whoami(_: App, req: Ruma<whoami::v3::Request>) -> Result<whoami::v3::Response> {
    let mut response = whoami::v3::Response::new(req.caller.id.clone(), req.caller.is_guest);
    response.device_id = req.caller.device_id.clone();
    Ok(response)
}

/// `POST /_matrix/client/v3/account/3pid/unbind`
pub(super) async fn unbind_third_party_id(
    _: App,
    _: Ruma<unbind_3pid::v3::Request>,
) -> Result<unbind_3pid::v3::Response> {
    Ok(unbind_3pid::v3::Response::new(ThirdPartyIdRemovalStatus::Success))
}

/// Everything that has to do with telephone numbers and identity servers.
pub(super) async fn refuse_third_party_id(_: App, _: Incoming) -> HttpAnswer {
    let message = "This server keeps no telephone numbers and knows no identity servers.";
    Err(Error::refused(ErrorKind::ThreepidDenied, message))
}

/// An access token is the only way to say whose account is meant.
fn no_other_proof() -> Error {
    Error::missing_token("An access token is needed here.")
}
