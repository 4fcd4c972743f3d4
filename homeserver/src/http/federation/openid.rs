//! Tells third parties who somebody is.

use ruma::api::federation::openid::get_openid_userinfo;

use crate::{App, Result, http::endpoint::Ruma};

/// `GET /_matrix/federation/v1/openid/userinfo`
pub(super) async fn userinfo(
    app: App,
    req: Ruma<get_openid_userinfo::v1::Request>,
) -> Result<get_openid_userinfo::v1::Response> {
    let user_id = app.accounts.openid.owner(&req.body.access_token).await?;
    Ok(get_openid_userinfo::v1::Response::new(user_id))
}
