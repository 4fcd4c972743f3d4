//! Sends requests to the homeserver and understands how it refuses them.

use std::{borrow::Cow, time::Duration};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, StatusCode};
use ruma::UserId;
use serde_json::Value;
use url::Url;

use crate::{Error, Result, config::Hidden, error::Refusal};

/// How long an answer may take. Closing a room takes longer, but is answered at once.
const PATIENCE: Duration = Duration::from_secs(30);
/// What stands in a segment of a path as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The header that names for whom something is done.
const ACTING_USER: &str = "X-Acting-User";

/// The homeserver; clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: Hidden,
}

/// A request.
#[derive(Debug)]
pub struct Request<'a> {
    client: &'a Client,
    method: Method,
    path: String,
    query: Vec<(&'static str, Cow<'a, str>)>,
    acting: Option<&'a UserId>,
}

impl Client {
    /// The homeserver at `base`, to which `token` is shown.
    pub fn new(base: &Url, token: Hidden) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(PATIENCE).connect_timeout(Duration::from_secs(5)).no_proxy();
        let http = http.build().map_err(|fault| Error::Internal(fault.into()))?;
        Ok(Self { http, base: base.clone(), token })
    }

    /// A request. `path` is a template with a `{}` for each of the `parts`, which are encoded.
    pub fn request(&self, method: Method, path: &str, parts: &[&str]) -> Request<'_> {
        let mut pieces = path.split("{}");
        let mut filled = pieces.next().unwrap_or_default().to_owned();
        for (piece, part) in pieces.zip(parts) {
            filled.extend(utf8_percent_encode(part, PLAIN));
            filled.push_str(piece);
        }
        Request { client: self, method, path: filled, query: Vec::new(), acting: None }
    }

    /// A request to read something.
    pub fn get(&self, path: &str, parts: &[&str]) -> Request<'_> {
        self.request(Method::GET, path, parts)
    }

    /// A request to do something.
    pub fn post(&self, path: &str, parts: &[&str]) -> Request<'_> {
        self.request(Method::POST, path, parts)
    }

    /// A request to write something.
    pub fn put(&self, path: &str, parts: &[&str]) -> Request<'_> {
        self.request(Method::PUT, path, parts)
    }
}

impl<'a> Request<'a> {
    /// With a parameter in its query.
    pub fn query(mut self, name: &'static str, value: impl Into<Cow<'a, str>>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// In the name of a person.
    pub fn acting(mut self, user: &'a UserId) -> Self {
        self.acting = Some(user);
        self
    }

    /// Sends it without a body.
    pub async fn send(self) -> Result<Value> {
        self.execute(None).await
    }

    /// Sends it with a body.
    pub async fn send_json(self, body: &Value) -> Result<Value> {
        self.execute(Some(body)).await
    }

    async fn execute(self, body: Option<&Value>) -> Result<Value> {
        let mut url = self.client.base.join(&self.path).map_err(|fault| Error::Internal(fault.into()))?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let mut request = self.client.http.request(self.method, url).bearer_auth(self.client.token.expose());
        if let Some(user) = self.acting {
            request = request.header(ACTING_USER, user.as_str());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|fault| away(fault.without_url().into()))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|fault| away(fault.without_url().into()))?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() { Ok(body) } else { Err(refusal(status, &body)) }
    }
}

fn away(fault: anyhow::Error) -> Error {
    Error::Unavailable("The homeserver", fault)
}

/// What an answer that is an error means.
fn refusal(status: StatusCode, body: &Value) -> Error {
    let errcode = body.get("errcode").and_then(Value::as_str).unwrap_or_default();
    let said = body.get("error").and_then(Value::as_str).unwrap_or("The homeserver says nothing about it.");
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return away(anyhow::anyhow!("it answers {status}: {errcode} {said}"));
    }
    let refusal = match (status, errcode) {
        (StatusCode::UNAUTHORIZED, _) => {
            let cause =
                anyhow::anyhow!("it does not know this program ({errcode}: {said}): is its registration loaded?");
            return away(cause);
        }
        (_, "M_UNRECOGNIZED") => Refusal::Unrecognized,
        (StatusCode::NOT_FOUND, _) => Refusal::NotFound,
        (StatusCode::FORBIDDEN, _) => Refusal::Forbidden,
        (StatusCode::CONFLICT, _) => Refusal::Conflict,
        _ if errcode == "M_ROOM_IN_USE" => Refusal::Conflict,
        _ => Refusal::Invalid,
    };
    Error::refused(refusal, said.to_owned())
}
