//! Other networks, as the application services that bridge them know them.

use std::collections::BTreeMap;

use ruma::api::client::thirdparty::{
    get_location_for_protocol, get_location_for_room_alias, get_protocol, get_protocols, get_user_for_protocol,
    get_user_for_user_id,
};
use serde_json::{Value, json};

use crate::{App, Result, http::endpoint::Ruma};

/// `GET /_matrix/client/v3/thirdparty/protocols`
pub(super) async fn protocols(app: App, _: Ruma<get_protocols::v3::Request>) -> Result<String> {
    Ok(Value::Object(app.appservices.client().protocols().await).to_string())
}

/// `GET /_matrix/client/v3/thirdparty/protocol/{protocol}`
pub(super) async fn protocol(app: App, req: Ruma<get_protocol::v3::Request>) -> Result<String> {
    Ok(app.appservices.client().protocol(&req.body.protocol).await?.to_string())
}

/// `GET /_matrix/client/v3/thirdparty/location/{protocol}`
pub(super) async fn locations(app: App, req: Ruma<get_location_for_protocol::v3::Request>) -> Result<String> {
    let get_location_for_protocol::v3::Request { protocol, fields, .. } = req.body;
    let found = app.appservices.client().things_of_protocol("location", &protocol, &without_credentials(fields)).await;
    Ok(json!(found?).to_string())
}

/// `GET /_matrix/client/v3/thirdparty/user/{protocol}`
pub(super) async fn users(app: App, req: Ruma<get_user_for_protocol::v3::Request>) -> Result<String> {
    let get_user_for_protocol::v3::Request { protocol, fields, .. } = req.body;
    let found = app.appservices.client().things_of_protocol("user", &protocol, &without_credentials(fields)).await;
    Ok(json!(found?).to_string())
}

/// `GET /_matrix/client/v3/thirdparty/location`
pub(super) async fn locations_of_alias(
    app: App,
    req: Ruma<get_location_for_room_alias::v3::Request>,
) -> Result<String> {
    let fields = vec![("alias".to_owned(), req.body.alias.to_string())];
    Ok(json!(app.appservices.client().things_of("location", &fields).await?).to_string())
}

/// `GET /_matrix/client/v3/thirdparty/user`
pub(super) async fn users_of_id(app: App, req: Ruma<get_user_for_user_id::v3::Request>) -> Result<String> {
    let fields = vec![("userid".to_owned(), req.body.userid.to_string())];
    Ok(json!(app.appservices.client().things_of("user", &fields).await?).to_string())
}

/// The fields without what only authenticated the caller.
fn without_credentials(fields: BTreeMap<String, String>) -> Vec<(String, String)> {
    fields.into_iter().filter(|(name, _)| name != "access_token").collect()
}
