//! Issues OpenID tokens.

use ruma::{api::client::account::request_openid_token, authentication::TokenType};

use super::account_data::own;
use crate::{App, Result, http::endpoint::Ruma};

/// `POST /_matrix/client/v3/user/{userId}/openid/request_token`
pub(super) async fn issue(
    app: App,
    req: Ruma<request_openid_token::v3::Request>,
) -> Result<request_openid_token::v3::Response> {
    let user = own(&req.caller, &req.body.user_id)?;
    let (token, lifetime) = app.accounts.openid.issue(user).await?;
    let server_name = app.config.server.name.clone();
    Ok(request_openid_token::v3::Response::new(token, TokenType::Bearer, server_name, lifetime))
}
