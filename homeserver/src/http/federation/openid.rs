//! Tells third parties who somebody is.

use http::Method;
use ruma::api::{
    IncomingRequest, Metadata, error::DeserializationError, federation::openid::get_openid_userinfo::v1 as api,
};

use crate::{App, Error, Result, http::endpoint::Ruma};

/// The request, by the token of whoever it is about; none if there is no token.
#[derive(Debug)]
pub struct UserInfo(Option<api::Request>);

impl Metadata for UserInfo {
    const METHOD: Method = api::Request::METHOD;
    const RATE_LIMITED: bool = api::Request::RATE_LIMITED;
    type Authentication = <api::Request as Metadata>::Authentication;
    type PathBuilder = <api::Request as Metadata>::PathBuilder;
    const PATH_BUILDER: Self::PathBuilder = api::Request::PATH_BUILDER;
}

impl IncomingRequest for UserInfo {
    type EndpointError = <api::Request as IncomingRequest>::EndpointError;
    type OutgoingResponse = api::Response;

    fn try_from_http_request_inner(request: http::Request<&[u8]>, args: &[&str]) -> Result<Self, DeserializationError> {
        Ok(Self(api::Request::try_from_http_request_inner(request, args).ok()))
    }
}

/// `GET /_matrix/federation/v1/openid/userinfo`
pub(super) async fn userinfo(app: App, req: Ruma<UserInfo>) -> Result<api::Response> {
    let request = req.body.0.ok_or_else(|| Error::missing_token("An OpenID token is needed."))?;
    Ok(api::Response::new(app.accounts.openid.owner(&request.access_token).await?))
}
