//! Turns errors into answers. HTTP statuses appear only here; internal faults are logged once,
//! here.

use actix_web::{HttpResponse, HttpResponseBuilder, http::StatusCode};
use ruma::api::error::{ErrorKind, RetryAfter, StandardErrorBody};
use tracing::{error, warn};

use crate::Error;

/// Seconds after which a client may try again when something is away.
const RETRY_AFTER_S: u64 = 2;

/// The answer that tells of `error`.
pub fn answer(error: &Error) -> HttpResponse {
    match error {
        Error::Refused { kind, message } => refusal(kind, message),
        // Client-server API, "Client Config", "Server Behaviour".
        Error::ServerManaged(message) => HttpResponse::MethodNotAllowed()
            .json(StandardErrorBody::new(ErrorKind::BadJson, message.clone().into_owned())),
        Error::Conflict(message) => {
            HttpResponse::Conflict().json(StandardErrorBody::new(ErrorKind::Unknown, message.clone().into_owned()))
        }
        Error::InteractiveAuth(stages) => HttpResponse::Unauthorized().json(stages),
        Error::Unavailable(what, cause) => {
            warn!(cause = format!("{cause:#}"), "{what} is not available; a request was put off");
            HttpResponse::ServiceUnavailable()
                .insert_header(("Retry-After", RETRY_AFTER_S))
                .json(StandardErrorBody::new(ErrorKind::Unknown, format!("{what} is not available at the moment.")))
        }
        Error::Internal(cause) => {
            error!(cause = format!("{cause:#}"), "A request failed");
            HttpResponse::InternalServerError()
                .json(StandardErrorBody::new(ErrorKind::Unknown, "Internal server error.".to_owned()))
        }
    }
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

/// The status that goes with an error code. Client-server API, "Standard error response".
fn status(kind: &ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Forbidden
        | ErrorKind::GuestAccessForbidden
        | ErrorKind::UserDeactivated
        | ErrorKind::UserSuspended
        | ErrorKind::InviteBlocked
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
