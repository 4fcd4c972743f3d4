//! Registration and accounts.

use ruma::api::client::account::{register, whoami};

use crate::{App, Error, Result, http::endpoint::Ruma};

/// `POST /_matrix/client/v3/register`
pub async fn register(app: App, req: Ruma<register::v3::Request>) -> Result<register::v3::Response> {
    let name = req.body.username.ok_or_else(|| Error::missing_param("A user name is needed."))?;
    let session = app.accounts.register(&name, req.body.device_id).await?;
    let mut response = register::v3::Response::new(session.user_id);
    response.access_token = Some(session.access_token);
    response.device_id = Some(session.device_id);
    Ok(response)
}

/// `GET /_matrix/client/v3/account/whoami`
pub async fn whoami(_: App, req: Ruma<whoami::v3::Request>) -> Result<whoami::v3::Response> {
    let mut response = whoami::v3::Response::new(req.caller.id.clone(), req.caller.is_guest);
    response.device_id = req.caller.device_id.clone();
    Ok(response)
}
