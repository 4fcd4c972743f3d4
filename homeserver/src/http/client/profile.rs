//! Reads and changes profiles.

use std::collections::BTreeMap;

use ruma::{
    OwnedUserId,
    api::{
        IncomingRequest, Metadata,
        auth_scheme::AccessToken,
        client::profile::{delete_profile_field, get_profile, get_profile_field, set_profile_field},
        error::DeserializationError,
        path_builder::VersionHistory,
    },
};
use serde::{Deserialize, de::value::SeqDeserializer};
use serde_json::{Map, Value, value::RawValue};

use crate::{App, Error, Result, http::endpoint::Ruma};

/// `GET /_matrix/client/v3/profile/{userId}`
pub(super) async fn all(app: App, req: Ruma<get_profile::v3::Request>) -> Result<String> {
    object(app.accounts.profiles.list(&req.body.user_id).await?)
}

/// `GET /_matrix/client/v3/profile/{userId}/{keyName}`
pub(super) async fn field(app: App, req: Ruma<get_profile_field::v3::Request>) -> Result<String> {
    let field = req.body.field.as_str();
    let value = app.accounts.profiles.field(&req.body.user_id, field).await?;
    object(vec![(field.to_owned(), value)])
}

/// `PUT /_matrix/client/v3/profile/{userId}/{keyName}`
pub(super) async fn set(app: App, req: Ruma<SetField>) -> Result<set_profile_field::v3::Response> {
    let SetField { user_id, field, mut members } = req.body;
    let missing = || Error::missing_param(format!("The member `{field}` is missing."));
    let value = members.remove(&field).ok_or_else(missing)?;
    let change = app.accounts.profiles.set(&req.caller, &user_id, &field, Some(value)).await?;
    app.memberships.follow(change).await;
    Ok(set_profile_field::v3::Response::new())
}

/// `DELETE /_matrix/client/v3/profile/{userId}/{keyName}`
pub(super) async fn delete(
    app: App,
    req: Ruma<delete_profile_field::v3::Request>,
) -> Result<delete_profile_field::v3::Response> {
    let field = req.body.field.as_str();
    let change = app.accounts.profiles.set(&req.caller, &req.body.user_id, field, None).await?;
    app.memberships.follow(change).await;
    Ok(delete_profile_field::v3::Response::new())
}

/// Sets a profile field. ruma's own type cannot tell a missing value from a wrong one.
#[derive(Debug)]
pub(super) struct SetField {
    user_id: OwnedUserId,
    field: String,
    members: Map<String, Value>,
}

impl Metadata for SetField {
    const METHOD: http::Method = set_profile_field::v3::Request::METHOD;
    const RATE_LIMITED: bool = set_profile_field::v3::Request::RATE_LIMITED;
    type Authentication = AccessToken;
    type PathBuilder = VersionHistory;
    const PATH_BUILDER: VersionHistory = set_profile_field::v3::Request::PATH_BUILDER;
}

impl IncomingRequest for SetField {
    type EndpointError = ruma::api::error::Error;
    type OutgoingResponse = set_profile_field::v3::Response;

    fn try_from_http_request_inner(
        request: http::Request<&[u8]>,
        path_args: &[&str],
    ) -> Result<Self, DeserializationError> {
        let path_args = SeqDeserializer::<_, serde::de::value::Error>::new(path_args.iter().copied());
        let (user_id, field) = Deserialize::deserialize(path_args)?;
        Ok(Self { user_id, field, members: serde_json::from_slice(request.body())? })
    }
}

/// A JSON object of fields whose values are JSON.
fn object(fields: Vec<(String, String)>) -> Result<String> {
    let unreadable = |fault: serde_json::Error| Error::internal(format!("a stored profile is unreadable: {fault}"));
    let fields = fields.into_iter().map(|(name, value)| Ok((name, RawValue::from_string(value)?)));
    let fields: BTreeMap<String, Box<RawValue>> = fields.collect::<Result<_, _>>().map_err(unreadable)?;
    serde_json::to_string(&fields).map_err(unreadable)
}
