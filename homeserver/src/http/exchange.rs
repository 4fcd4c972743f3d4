//! Turns actix's messages (`http` 0.2) into ruma's (`http` 1) and back. The only such place.

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::StatusCode};
use bytes::Bytes;

use crate::{Error, Result};

/// A request without its body, as ruma wants it.
pub fn request(from: &HttpRequest) -> Result<http::Request<()>> {
    let malformed = |fault: http::Error| Error::unknown(format!("The request is malformed: {fault}."));
    let uri = match from.uri().path_and_query() {
        Some(path_and_query) => path_and_query.as_str(),
        None => "/",
    };
    let mut request = http::Request::builder().method(from.method().as_str()).uri(uri);
    for (name, value) in from.headers() {
        request = request.header(name.as_str(), value.as_bytes());
    }
    request.body(()).map_err(malformed)
}

/// An answer that is this JSON.
pub fn json(body: &serde_json::Value) -> Result<http::Response<Bytes>> {
    http::Response::builder()
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Bytes::from(body.to_string()))
        .map_err(|fault| Error::internal(fault.to_string()))
}

/// The answer, as actix wants it.
pub fn response(from: http::Response<Bytes>) -> HttpResponse {
    let (parts, body) = from.into_parts();
    let status = StatusCode::from_u16(parts.status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = HttpResponseBuilder::new(status);
    for (name, value) in &parts.headers {
        answer.append_header((name.as_str(), value.as_bytes()));
    }
    answer.body(body)
}
