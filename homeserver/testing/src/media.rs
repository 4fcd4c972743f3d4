//! What people do with files.

use bytes::Bytes;
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::Value;
use url::Url;

use crate::{Answer, Refusal, TestUser};

/// A file as it was downloaded.
#[derive(Debug)]
pub struct TestDownload {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The file.
    pub body: Bytes,
}

impl TestDownload {
    /// The header `name`, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are ASCII here"))
    }
}

impl TestUser {
    /// Uploads a file; returns its `mxc://` URI.
    pub async fn upload(
        &self,
        body: impl Into<reqwest::Body>,
        content_type: &str,
        file_name: Option<&str>,
    ) -> Answer<String> {
        let name: String = file_name.map(|name| format!("?filename={}", encode(name))).unwrap_or_default();
        let request = self.call(Method::POST, &format!("/_matrix/media/v3/upload{name}"));
        let answer = request.header("Content-Type", content_type).body(body).send().await.expect("the server answers");
        let status = answer.status();
        let body: Value = answer.json().await.expect("the answer is JSON");
        if !status.is_success() {
            return Err(Refusal { status, body });
        }
        Ok(body["content_uri"].as_str().expect("a URI").to_owned())
    }

    /// Downloads `uri`.
    pub async fn download(&self, uri: &str) -> Answer<TestDownload> {
        self.fetch(&format!("/_matrix/client/v1/media/download/{}", path(uri))).await
    }

    /// Downloads a thumbnail of `uri`; `query` is for instance `width=32&height=32&method=crop`.
    pub async fn thumbnail(&self, uri: &str, query: &str) -> Answer<TestDownload> {
        self.fetch(&format!("/_matrix/client/v1/media/thumbnail/{}?{query}", path(uri))).await
    }

    /// Downloads whatever is at `path`.
    pub async fn fetch(&self, path: &str) -> Answer<TestDownload> {
        TestDownload::receive(self.call(Method::GET, path)).await
    }
}

impl TestDownload {
    /// Sends `request` and reads the answer.
    pub async fn receive(request: reqwest::RequestBuilder) -> Answer<Self> {
        let answer = request.send().await.expect("the server answers");
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.expect("the answer is complete");
        if status.is_client_error() || status.is_server_error() {
            return Err(Refusal { status, body: serde_json::from_slice(&body).unwrap_or_default() });
        }
        Ok(Self { status, headers, body })
    }
}

/// `{serverName}/{mediaId}`
fn path(uri: &str) -> &str {
    uri.strip_prefix("mxc://").expect("the URI begins with mxc://")
}

fn encode(text: &str) -> String {
    let mut url = Url::parse("http://localhost").expect("the URL is valid");
    url.query_pairs_mut().append_pair("name", text);
    url.query().expect("it was just set").trim_start_matches("name=").to_owned()
}
