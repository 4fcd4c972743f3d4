//! Manages the caller's account.

use ruma::api::client::account::{
    ThirdPartyIdRemovalStatus, change_password, deactivate, delete_3pid, unbind_3pid, whoami,
};
use serde_json::json;

use crate::{
    App, Error, Result,
    error::ErrorKind,
    http::endpoint::{HttpAnswer, Incoming, Ruma},
};

/// Where e-mail addresses and telephone numbers would be proved or added.
#[rustfmt::skip]
pub(super) const THIRD_PARTY_IDS: [&str; 18] = [
    "/_matrix/client/v3/register/email/requestToken",
    "/_matrix/client/r0/register/email/requestToken",
    "/_matrix/client/v3/register/msisdn/requestToken",
    "/_matrix/client/r0/register/msisdn/requestToken",
    "/_matrix/client/v3/account/password/email/requestToken",
    "/_matrix/client/r0/account/password/email/requestToken",
    "/_matrix/client/v3/account/password/msisdn/requestToken",
    "/_matrix/client/r0/account/password/msisdn/requestToken",
    "/_matrix/client/v3/account/3pid",
    "/_matrix/client/r0/account/3pid",
    "/_matrix/client/v3/account/3pid/add",
    "/_matrix/client/r0/account/3pid/add",
    "/_matrix/client/v3/account/3pid/bind",
    "/_matrix/client/r0/account/3pid/bind",
    "/_matrix/client/v3/account/3pid/email/requestToken",
    "/_matrix/client/r0/account/3pid/email/requestToken",
    "/_matrix/client/v3/account/3pid/msisdn/requestToken",
    "/_matrix/client/r0/account/3pid/msisdn/requestToken",
];

/// `POST /_matrix/client/v3/account/password`
pub(super) async fn password(
    app: App,
    req: Ruma<change_password::v3::Request>,
) -> Result<change_password::v3::Response> {
    let caller = req.caller.ok_or_else(no_other_proof)?;
    let change_password::v3::Request { new_password, logout_devices, auth, .. } = req.body;
    app.accounts.administration.change_password(&caller, auth.as_ref(), &new_password, logout_devices).await?;
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

/// `GET /_matrix/client/v3/account/3pid`
pub(super) async fn third_party_ids(
    _: App,
    _: Ruma<ruma::api::client::account::get_3pids::v3::Request>,
) -> Result<String> {
    // ruma leaves out an empty list, which clients do not expect.
    Ok(json!({ "threepids": [] }).to_string())
}

/// `POST /_matrix/client/v3/account/3pid/delete`
pub(super) async fn delete_third_party_id(
    _: App,
    _: Ruma<delete_3pid::v3::Request>,
) -> Result<delete_3pid::v3::Response> {
    Ok(delete_3pid::v3::Response::new(ThirdPartyIdRemovalStatus::Success))
}

/// `POST /_matrix/client/v3/account/3pid/unbind`
pub(super) async fn unbind_third_party_id(
    _: App,
    _: Ruma<unbind_3pid::v3::Request>,
) -> Result<unbind_3pid::v3::Response> {
    Ok(unbind_3pid::v3::Response::new(ThirdPartyIdRemovalStatus::Success))
}

/// Everything that would prove or add an e-mail address or a telephone number.
pub(super) async fn refuse_third_party_id(_: App, _: Incoming) -> HttpAnswer {
    let message = "This server keeps neither e-mail addresses nor telephone numbers.";
    Err(Error::refused(ErrorKind::ThreepidDenied, message))
}

/// An access token is the only way to say whose account is meant.
fn no_other_proof() -> Error {
    Error::missing_token("An access token is needed here.")
}
