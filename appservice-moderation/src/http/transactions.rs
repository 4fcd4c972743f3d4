//! What the homeserver calls. Application service API, "Pushing events", "Pinging", "Querying".

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{Entrance, answers, bearer};
use crate::{App, Error, Result};

/// `PUT /_matrix/app/v1/transactions/{txnId}`
pub(super) async fn take_over(
    request: HttpRequest,
    entrance: web::Data<Entrance>,
    transaction: web::Path<String>,
    body: Bytes,
) -> HttpResponse {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        events: Vec<Box<RawValue>>,
    }
    let token = bearer(&request).map(ToOwned::to_owned);
    answers::of(&entrance, |app| async move {
        admit(&app, token.as_deref())?;
        let body: Body = serde_json::from_slice(&body)
            .map_err(|fault| Error::invalid(format!("The body is not a transaction: {fault}.")))?;
        app.intake.take_over(&transaction, &body.events).await?;
        Ok(json!({}))
    })
    .await
}

/// `POST /_matrix/app/v1/ping`
pub(super) async fn ping(request: HttpRequest, entrance: web::Data<Entrance>) -> HttpResponse {
    let token = bearer(&request).map(ToOwned::to_owned);
    answers::of(&entrance, |app| async move {
        admit(&app, token.as_deref())?;
        Ok(json!({}))
    })
    .await
}

/// `GET /_matrix/app/v1/users/{userId}` and `rooms/{roomAlias}`: all that there is, the bot has made. That is
/// so for everybody, and before this program has started: the bot's own first steps make the homeserver ask.
pub(super) async fn nobody() -> HttpResponse {
    answers::refuse(&Error::not_found("There is nothing of this name."))
}

/// Lets the homeserver in. Application service API, "Authorization": a wrong token is `M_FORBIDDEN`.
fn admit(app: &App, token: Option<&str>) -> Result<()> {
    match token {
        Some(token) if app.registration.hs_token.is(token) => Ok(()),
        _ => Err(Error::forbidden("Only the homeserver may call this.")),
    }
}
