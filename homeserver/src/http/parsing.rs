//! Parses requests by ruma, and says what is wrong with those that cannot be parsed.

use bytes::Bytes;
use ruma::api::{
    IncomingRequest, IncomingRequestExt,
    error::{DeserializationError, FromHttpRequestError},
};

use crate::{Error, Result};

/// The request for the endpoint `T`; what it is not is told in a sentence.
pub(super) fn parse<T: IncomingRequest>(request: http::Request<()>, path_args: &[String], body: &Bytes) -> Result<T> {
    // What is not read at all has to be UTF-8, too: serde passes over it without looking.
    if std::str::from_utf8(body).is_err() {
        return Err(Error::not_json("The body is not UTF-8."));
    }
    let path_args: Vec<&str> = path_args.iter().map(String::as_str).collect();
    let request = request.map(|()| body_or_empty_object(body));
    T::try_from_http_request(request, &path_args).map_err(|fault| refuse(fault, body))
}

/// Clients leave out the body where every member of it is optional.
fn body_or_empty_object(body: &Bytes) -> &[u8] {
    if body.is_empty() { b"{}" } else { body }
}

fn refuse(fault: FromHttpRequestError, body: &Bytes) -> Error {
    match fault {
        FromHttpRequestError::Deserialization(DeserializationError::Json(fault)) => {
            let is_json = fault.is_data() || serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
            if is_json && is_impossible_room_version(&fault) {
                Error::unsupported_room_version("There is no such room version.")
            } else if is_json {
                Error::bad_json(format!("The body is not what this endpoint takes: {fault}."))
            } else {
                Error::not_json(format!("The body is not JSON: {fault}."))
            }
        }
        FromHttpRequestError::Deserialization(DeserializationError::Utf8(_)) => {
            Error::not_json("The body is not UTF-8.")
        }
        FromHttpRequestError::Deserialization(fault) => {
            Error::invalid_param(format!("The request is malformed: {fault}."))
        }
        fault => Error::unrecognized(format!("The request is malformed: {fault}.")),
    }
}

/// Whether a room version was asked for that is not even formed like one: to clients that is as
/// unknown as any other.
fn is_impossible_room_version(fault: &serde_json::Error) -> bool {
    let fault = fault.to_string();
    fault.starts_with("invalid value: string") && fault.contains("expected a Matrix room version ID")
}
