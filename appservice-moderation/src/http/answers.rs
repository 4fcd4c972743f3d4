//! Turns results into answers. The work is done on the shared runtime, because pooled database connections
//! belong to the runtime that opened them; actix's workers only move bytes.

use std::future::Future;

use actix_web::{HttpResponse, http::StatusCode};
use serde_json::{Value, json};
use tracing::error;

use super::Entrance;
use crate::{App, Error, Result, error::Refusal};

/// Does `work` and answers with what comes of it.
pub(super) async fn of<F, Fut>(entrance: &Entrance, work: F) -> HttpResponse
where
    F: FnOnce(App) -> Fut,
    Fut: Future<Output = Result<Value>> + Send + 'static,
{
    let app = match entrance.app() {
        Ok(app) => app,
        Err(fault) => return refuse(&fault),
    };
    let runtime = app.runtime.clone();
    let outcome = runtime.spawn(work(app)).await;
    match outcome.unwrap_or_else(|panic| Err(Error::internal(format!("a handler panicked: {panic}")))) {
        Ok(body) => HttpResponse::Ok().json(body),
        Err(fault) => refuse(&fault),
    }
}

/// The answer that is an error.
pub(super) fn refuse(fault: &Error) -> HttpResponse {
    let (status, code, message) = match fault {
        Error::Refused { refusal, message } => {
            let (status, code) = match refusal {
                Refusal::Forbidden => (StatusCode::FORBIDDEN, "M_FORBIDDEN"),
                Refusal::NotFound => (StatusCode::NOT_FOUND, "M_NOT_FOUND"),
                Refusal::Invalid => (StatusCode::BAD_REQUEST, "M_INVALID_PARAM"),
                Refusal::Conflict => (StatusCode::CONFLICT, "M_UNKNOWN"),
                Refusal::Unauthorized => (StatusCode::UNAUTHORIZED, "M_UNKNOWN_TOKEN"),
                Refusal::Unrecognized => (StatusCode::NOT_FOUND, "M_UNRECOGNIZED"),
            };
            (status, code, message.to_string())
        }
        Error::Unavailable(what, _) => {
            (StatusCode::SERVICE_UNAVAILABLE, "M_UNKNOWN", format!("{what} is not available. Try again later."))
        }
        Error::Internal(cause) => {
            error!(error = format!("{cause:#}"), "A request failed");
            (StatusCode::INTERNAL_SERVER_ERROR, "M_UNKNOWN", "Something went wrong here.".to_owned())
        }
    };
    HttpResponse::build(status).json(json!({ "errcode": code, "error": message }))
}
