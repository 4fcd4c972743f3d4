//! Speaks HTTP: the only code that knows actix-web. Handlers decide nothing: they take a request apart,
//! call one service function and answer.

mod answers;
pub mod api;
mod transactions;

use std::{
    net::TcpListener,
    sync::{Arc, OnceLock},
};

pub use actix_web::dev::{Server, ServerHandle};
use actix_web::{App as ActixApp, HttpRequest, HttpResponse, HttpServer, http::header, web};
use serde_json::json;

use crate::{App, Error, Result, error::Refusal};

/// Most bytes of a body: a transaction of a hundred events of the greatest size.
const LARGEST_BODY: usize = 8 << 20;

/// What is behind the listener, once it is there.
#[derive(Clone, Debug, Default)]
pub struct Entrance(Arc<OnceLock<App>>);

impl Entrance {
    /// Opens it.
    pub fn open(&self, app: App) {
        // It is opened once.
        let _ = self.0.set(app);
    }

    fn app(&self) -> Result<App> {
        let away = || Error::Unavailable("This program", anyhow::anyhow!("it starts"));
        self.0.get().cloned().ok_or_else(away)
    }
}

/// Prepares the server on `listener`; it runs when awaited.
pub fn serve(entrance: &Entrance, listener: TcpListener) -> Result<Server> {
    let entrance = entrance.clone();
    let server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(web::Data::new(entrance.clone()))
            .app_data(web::PayloadConfig::new(LARGEST_BODY))
            .configure(routes)
            .default_service(web::to(unrecognized))
    });
    let server = server.workers(1).shutdown_timeout(0).disable_signals().listen(listener);
    Ok(server.map_err(|fault| Error::Internal(fault.into()))?.run())
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/_matrix/app/v1/transactions/{transaction_id}", web::put().to(transactions::take_over))
        .route("/transactions/{transaction_id}", web::put().to(transactions::take_over))
        .route("/_matrix/app/v1/ping", web::post().to(transactions::ping))
        .route("/_matrix/app/v1/users/{user_id}", web::get().to(transactions::nobody))
        .route("/_matrix/app/v1/rooms/{alias}", web::get().to(transactions::nobody))
        .route("/health", web::get().to(health))
        .configure(api::routes);
}

/// `GET /health`
async fn health(entrance: web::Data<Entrance>) -> HttpResponse {
    answers::of(&entrance, |app| async move {
        app.storage.ping().await?;
        Ok(json!({ "status": "ok" }))
    })
    .await
}

async fn unrecognized() -> HttpResponse {
    answers::refuse(&Error::refused(Refusal::Unrecognized, "There is nothing at this address."))
}

/// What stands in the header for a token.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
