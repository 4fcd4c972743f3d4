//! Stores and returns filters.

use ruma::api::client::filter::{create_filter, get_filter};

use super::account_data::own;
use crate::{App, Result, http::endpoint::Ruma};

/// `POST /_matrix/client/v3/user/{userId}/filter`
pub(super) async fn create(app: App, req: Ruma<create_filter::v3::Request>) -> Result<create_filter::v3::Response> {
    let user = own(&req.caller, &req.body.user_id)?;
    let filter_id = app.accounts.filters.create(user.nid, &req.raw).await?;
    Ok(create_filter::v3::Response::new(filter_id))
}

/// `GET /_matrix/client/v3/user/{userId}/filter/{filterId}`
pub(super) async fn find(app: App, req: Ruma<get_filter::v3::Request>) -> Result<String> {
    let user = own(&req.caller, &req.body.user_id)?;
    app.accounts.filters.json(user.nid, &req.body.filter_id).await
}
