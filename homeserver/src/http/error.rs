//! Turns errors into answers. HTTP statuses appear only here; internal faults are logged once,
//! here.

use std::borrow::Cow;

use actix_web::{HttpResponse, HttpResponseBuilder, http::StatusCode};
use ruma::api::{
    client::uiaa::UiaaInfo,
    error::{ErrorKind, RetryAfter, StandardErrorBody},
};
use serde_json::{Value, json};
use tracing::{error, warn};

use super::endpoint::HttpAnswer;
use crate::{
    Error,
    accounts::oauth::{Fault, FaultKind},
    error::Denial,
};

/// Seconds after which a client may try again when something is away.
const RETRY_AFTER_S: u64 = 2;
/// Told to those who came second too often.
const OUTRUN: &str = "Others are changing the same at this moment. Try again.";

/// The same when an access rule is in the way.
const DENIED_RETRY_AFTER_S: u64 = 30;

/// The answer that tells of `error`.
pub fn answer(error: &Error) -> HttpResponse {
    match error {
        Error::Refused { kind, message } => refusal(kind, message),
        Error::Denied(denial) => denied(denial),
        // Client-server API, "Client Config", "Server Behaviour".
        Error::ServerManaged(message) => HttpResponse::MethodNotAllowed()
            .json(StandardErrorBody::new(ErrorKind::BadJson, message.clone().into_owned())),
        Error::Conflict(message) => {
            HttpResponse::Conflict().json(StandardErrorBody::new(ErrorKind::Unknown, message.clone().into_owned()))
        }
        Error::InteractiveAuth(stages) => HttpResponse::Unauthorized().json(with_completed(stages)),
        Error::NotAllowedYet(stages) => HttpResponse::Unauthorized().json(stages),
        Error::Unavailable(what, cause) => {
            warn!(cause = format!("{cause:#}"), "{what} is not available; a request was put off");
            HttpResponse::ServiceUnavailable()
                .insert_header(("Retry-After", RETRY_AFTER_S))
                .json(StandardErrorBody::new(ErrorKind::Unknown, format!("{what} is not available at the moment.")))
        }
        Error::Outrun => HttpResponse::ServiceUnavailable()
            .insert_header(("Retry-After", RETRY_AFTER_S))
            .json(StandardErrorBody::new(ErrorKind::Unknown, OUTRUN.to_owned())),
        Error::Internal(cause) => {
            error!(cause = format!("{cause:#}"), "A request failed");
            HttpResponse::InternalServerError()
                .json(StandardErrorBody::new(ErrorKind::Unknown, "Internal server error.".to_owned()))
        }
    }
}

/// What a client is told of its authentication; also that it has completed nothing, which ruma leaves out.
fn with_completed(stages: &UiaaInfo) -> Value {
    let mut stages = serde_json::to_value(stages).unwrap_or_default();
    if let Some(members) = stages.as_object_mut() {
        members.entry("completed").or_insert_with(|| json!([]));
    }
    stages
}

/// The status and the sentence with which a page tells of `error`.
pub fn told(error: &Error) -> (u16, Cow<'static, str>) {
    let message = match error {
        Error::Refused { message, .. } | Error::ServerManaged(message) | Error::Conflict(message) => message.clone(),
        Error::Denied(denial) => denial.message.clone(),
        Error::InteractiveAuth(_) | Error::NotAllowedYet(_) => "This needs to be confirmed first.".into(),
        Error::Unavailable(..) => "Something that this server needs is away. Try again in a moment.".into(),
        Error::Outrun => OUTRUN.into(),
        Error::Internal(_) => "Something went wrong on this server. It has been noted.".into(),
    };
    (answer(error).status().as_u16(), message)
}

/// The answer to an application that is refused, or put off: never with a Matrix error code, by which
/// clients tell the two APIs apart. Where it is our fault, or too much at once, it may try again; all
/// else would be the end of its session.
pub fn oauth(fault: Fault) -> HttpAnswer {
    let (status, code, message) = match fault {
        Fault::Refused { kind: kind @ FaultKind::InvalidClient, message } => (401, kind.code(), message),
        Fault::Refused { kind, message } => (400, kind.code(), message),
        // That there is no OAuth is told as Matrix tells of endpoints that are not there.
        Fault::Away(error @ Error::Refused { kind: ErrorKind::Unrecognized, .. }) => return Err(error),
        Fault::Away(error) => (503, "temporarily_unavailable", told(&error).1),
    };
    let mut answer = http::Response::builder().status(status).header("Content-Type", "application/json");
    if status == 503 {
        answer = answer.header("Retry-After", RETRY_AFTER_S);
    }
    let body = json!({ "error": code, "error_description": message }).to_string();
    answer.header("Cache-Control", "no-store").body(body.into()).map_err(|fault| Error::internal(fault.to_string()))
}

/// The answer while the server is not complete.
pub fn not_ready() -> HttpResponse {
    HttpResponse::ServiceUnavailable()
        .insert_header(("Retry-After", RETRY_AFTER_S))
        .json(StandardErrorBody::new(ErrorKind::Unknown, "The server is starting. Try again in a moment.".to_owned()))
}

fn refusal(kind: &ErrorKind, message: &str) -> HttpResponse {
    let mut answer = HttpResponseBuilder::new(status(kind));
    if let ErrorKind::LimitExceeded(data) = kind
        && let Some(RetryAfter::Delay(wait)) = data.retry_after
    {
        answer.insert_header(("Retry-After", wait.as_secs() + u64::from(wait.subsec_nanos() > 0)));
    }
    answer.json(StandardErrorBody::new(kind.clone(), message.to_owned()))
}

/// The session is kept: the client may come back with it, but not at once.
fn denied(denial: &Denial) -> HttpResponse {
    let mut answer = HttpResponseBuilder::new(status(&denial.kind));
    answer.insert_header(("Retry-After", DENIED_RETRY_AFTER_S));
    let body = StandardErrorBody::new(denial.kind.clone(), denial.message.clone().into_owned());
    let Ok(Value::Object(mut body)) = serde_json::to_value(body) else { return answer.finish() };
    if let Some(case) = &denial.case {
        body.insert("salon.case".to_owned(), case.as_str().into());
    }
    answer.json(body)
}

/// The status that goes with an error code. Client-server API, "Standard error response".
fn status(kind: &ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Forbidden
        | ErrorKind::GuestAccessForbidden
        | ErrorKind::UserDeactivated
        | ErrorKind::UserSuspended
        | ErrorKind::InviteBlocked
        | ErrorKind::CannotLeaveServerNoticeRoom
        | ErrorKind::WrongRoomKeysVersion(_)
        | ErrorKind::ThreepidAuthFailed
        | ErrorKind::ThreepidDenied => StatusCode::FORBIDDEN,
        ErrorKind::UnknownToken(_) | ErrorKind::MissingToken | ErrorKind::Unauthorized | ErrorKind::UserLocked => {
            StatusCode::UNAUTHORIZED
        }
        ErrorKind::NotFound | ErrorKind::Unrecognized => StatusCode::NOT_FOUND,
        ErrorKind::LimitExceeded(_) => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::CannotOverwriteMedia => StatusCode::CONFLICT,
        ErrorKind::NotYetUploaded | ErrorKind::ConnectionTimeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::BadStatus(_) | ErrorKind::ConnectionFailed => StatusCode::BAD_GATEWAY,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// The answer to a method that a known path does not have.
pub fn wrong_method() -> HttpResponse {
    HttpResponse::MethodNotAllowed()
        .json(StandardErrorBody::new(ErrorKind::Unrecognized, "This endpoint does not have that method.".to_owned()))
}
