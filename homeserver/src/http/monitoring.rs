//! For those who watch the server: whether it is well, and what it measures.

use std::{net::TcpListener, time::Duration};

use actix_web::{App as ActixApp, HttpResponse, HttpServer, dev::Server, web};
use bytes::Bytes;

use super::{
    endpoint::{HttpAnswer, Incoming},
    entrance::Entrance,
    exchange,
};
use crate::{App, Error, Result, metrics::Levels};

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /health`: 200 while the database answers, 503 otherwise.
pub async fn health(app: App, _: Incoming) -> HttpAnswer {
    tokio::time::timeout(PATIENCE, app.storage.ping())
        .await
        .unwrap_or_else(|_| Err(Error::Unavailable("The database", anyhow::anyhow!("it does not answer"))))?;
    exchange::json(&serde_json::json!({ "status": "ok" }))
}

/// Prepares the listener for Prometheus; it runs when awaited.
pub fn serve(entrance: Entrance, listener: TcpListener) -> Result<Server> {
    let server = HttpServer::new(move || {
        ActixApp::new().app_data(web::Data::new(entrance.clone())).route("/metrics", web::get().to(metrics))
    })
    .workers(1)
    .disable_signals()
    .listen(listener)
    .map_err(|fault| Error::internal(format!("listening for Prometheus: {fault}")))?;
    Ok(server.run())
}

async fn metrics(entrance: web::Data<Entrance>) -> HttpResponse {
    let levels = entrance.app().map(levels).unwrap_or_default();
    HttpResponse::Ok().content_type(OPENMETRICS).body(Bytes::from(entrance.metrics().render(levels)))
}

fn levels(app: &App) -> Levels {
    let (open_connections, idle_connections) = app.storage.connections();
    Levels { parked_requests: app.tail.bus().parked(), open_connections, idle_connections }
}
