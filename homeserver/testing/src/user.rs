//! A person with a client: one method per thing people do.

use std::net::IpAddr;

use bytes::BytesMut;
use homeserver::error::ErrorKind;
use reqwest::StatusCode;
use ruma::{
    OwnedDeviceId, OwnedUserId, UserId,
    api::{
        IncomingResponseExt, OutgoingRequest, OutgoingRequestExt, SupportedVersions,
        auth_scheme::{AuthScheme, SendAccessToken},
        path_builder::PathBuilder,
    },
};
use serde_json::{Value, json};
use url::Url;

use crate::TestServer;

/// A registered user with one session.
#[derive(Clone, Debug)]
pub struct TestUser {
    /// The user ID.
    pub id: OwnedUserId,
    /// The session's device.
    pub device_id: OwnedDeviceId,
    /// The session's access token.
    pub token: String,
    /// What is added to the query of each request.
    query: Vec<(String, String)>,
    base: String,
    http: reqwest::Client,
}

/// An answer that is an error.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// The whole body.
    pub body: Value,
}

impl Refusal {
    /// Fails the test unless the error code is `kind`'s.
    pub fn assert_is(&self, kind: &ErrorKind) {
        assert_eq!(self.body["errcode"], kind.errcode().to_string(), "{self:?}");
    }
}

/// An answer, or the error that came in its place.
pub type Answer<T> = Result<T, Refusal>;

impl TestUser {
    /// Somebody who would be called `localpart` and has no account yet.
    pub fn anonymous(server: &TestServer, localpart: &str) -> Self {
        Self {
            id: UserId::parse_with_server_name(localpart, &server.app.config.server.name).expect("a valid name"),
            device_id: "NONE".into(),
            token: String::new(),
            query: Vec::new(),
            base: server.url(),
            http: server.http().clone(),
        }
    }

    /// Registers `localpart` with the password that [`Self::password`] tells.
    pub async fn register(server: &TestServer, localpart: &str) -> Self {
        let anonymous = Self::anonymous(server, localpart);
        let body = json!({
            "username": localpart,
            "password": anonymous.password(),
            "auth": { "type": "m.login.dummy" },
        });
        let answer = anonymous.post("/_matrix/client/v3/register", body).await.expect("registration succeeds");
        Self {
            device_id: answer["device_id"].as_str().expect("a device ID").into(),
            token: answer["access_token"].as_str().expect("an access token").to_owned(),
            ..anonymous
        }
    }

    /// The same user with another session's device and token.
    #[must_use]
    pub fn with_session(&self, device_id: impl Into<OwnedDeviceId>, token: &str) -> Self {
        Self { device_id: device_id.into(), token: token.to_owned(), ..self.clone() }
    }

    /// The same user, who adds a parameter to the query of each request.
    #[must_use]
    pub fn with_query(&self, name: &str, value: &str) -> Self {
        let mut user = self.clone();
        user.query.push((name.to_owned(), value.to_owned()));
        user
    }

    /// The same session, with a server that was started again.
    #[must_use]
    pub fn at(&self, server: &TestServer) -> Self {
        Self { base: server.url(), ..self.clone() }
    }

    /// The same session, used from another address of this machine.
    #[must_use]
    pub fn coming_from(&self, address: &str) -> Self {
        let address: IpAddr = address.parse().expect("an address");
        let http = reqwest::Client::builder().local_address(address).build().expect("a client");
        Self { http, ..self.clone() }
    }

    /// Sends a request that ruma has a type for.
    pub async fn send<R>(&self, request: R) -> Answer<R::IncomingResponse>
    where
        R: OutgoingRequest,
        for<'a> R::Authentication: AuthScheme<Input<'a> = SendAccessToken<'a>>,
        for<'a> R::PathBuilder: PathBuilder<Input<'a> = std::borrow::Cow<'a, SupportedVersions>>,
    {
        let versions = SupportedVersions::from_parts(&["v1.16".to_owned()], &std::collections::BTreeMap::new());
        let request = request
            .try_into_http_request::<BytesMut>(
                &self.base,
                SendAccessToken::IfRequired(&self.token),
                std::borrow::Cow::Owned(versions),
            )
            .expect("the request is valid")
            .map(BytesMut::freeze);
        let mut request = reqwest::Request::try_from(request).expect("the request has a URL");
        if !self.query.is_empty() {
            request.url_mut().query_pairs_mut().extend_pairs(&self.query);
        }
        let answer = self.http.execute(request).await.expect("the server answers");
        let status = answer.status();
        let body = answer.bytes().await.expect("the answer is complete");
        if !status.is_success() {
            return Err(Refusal { status, body: serde_json::from_slice(&body).unwrap_or_default() });
        }
        let response = http::Response::builder().status(status.as_u16()).body(&*body).expect("a valid status");
        Ok(R::IncomingResponse::try_from_http_response(response).unwrap_or_else(|fault| {
            panic!(
                "{} answered what ruma cannot read: {fault}: {}",
                std::any::type_name::<R>(),
                String::from_utf8_lossy(&body)
            )
        }))
    }

    /// A request with this user's token, for the caller to complete and send.
    pub fn call(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let mut url = Url::parse(&format!("{}{path}", self.base)).expect("the path is valid");
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let request = self.http.request(method, url);
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    /// `GET` with this user's token.
    pub async fn get(&self, path: &str) -> Answer<Value> {
        self.request(reqwest::Method::GET, path, None).await
    }

    /// `POST` with this user's token.
    pub async fn post(&self, path: &str, body: Value) -> Answer<Value> {
        self.request(reqwest::Method::POST, path, Some(body)).await
    }

    /// `PUT` with this user's token.
    pub async fn put(&self, path: &str, body: Value) -> Answer<Value> {
        self.request(reqwest::Method::PUT, path, Some(body)).await
    }

    /// `DELETE` with this user's token.
    pub async fn delete(&self, path: &str) -> Answer<Value> {
        self.request(reqwest::Method::DELETE, path, None).await
    }

    /// `POST` of a body that is sent as it is.
    pub async fn post_text(&self, path: &str, body: &'static str) -> Answer<Value> {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.token).body(body);
        answer(request).await
    }

    /// Any request with this user's token; `path` may have a query and is encoded by the caller.
    pub async fn request(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Answer<Value> {
        let mut request = self.call(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer<Value> {
    let answer = request.send().await.expect("the server answers");
    let status = answer.status();
    let text = answer.text().await.expect("the answer is complete");
    let body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    if status.is_success() { Ok(body) } else { Err(Refusal { status, body }) }
}
