//! Speaks HTTP: the only code that knows actix-web. Handlers decide nothing: they take a request
//! apart, call one service function and answer.

pub mod authenticate;
pub mod client;
pub mod endpoint;
pub mod error;
pub mod exchange;

use std::net::TcpListener;

use actix_web::{
    App as ActixApp, HttpRequest, HttpResponse, HttpServer,
    dev::{Server, Service},
    http::{Method, header},
    web,
};

use self::endpoint::{Resources, Route};
use crate::{App, Error, Result};

/// Longest time to wait for requests in flight when the server stops, in seconds.
const SHUTDOWN_S: u64 = 10;

/// All routes, in the order of the specification.
pub fn routes() -> Vec<Route> {
    client::routes()
}

/// Prepares the server on an open socket; it runs when awaited.
///
/// One actix worker moves bytes; the work is done on the shared runtime that calls this.
pub fn serve(app: App, listener: TcpListener) -> Result<Server> {
    let resources = Resources::new(routes());
    let server = HttpServer::new(move || {
        let resources = resources.clone();
        ActixApp::new()
            .app_data(web::Data::new(app.clone()))
            .wrap_fn(|request, service| {
                let answer = service.call(request);
                async move {
                    let mut answer = answer.await?;
                    allow_all_origins(answer.headers_mut());
                    Ok(answer)
                }
            })
            .configure(|config| resources.register(config))
            .default_service(web::to(unknown_path))
    })
    .workers(1)
    .shutdown_timeout(SHUTDOWN_S)
    .disable_signals()
    .listen_auto_h2c(listener)
    .map_err(|fault| Error::internal(format!("listening for HTTP: {fault}")))?;
    Ok(server.run())
}

/// Client-server API, "Web Browser Clients".
fn allow_all_origins(headers: &mut header::HeaderMap) {
    let rules = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE, OPTIONS, PATCH, HEAD"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "X-Requested-With, Content-Type, Authorization, Date"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Retry-After"),
    ];
    for (name, value) in rules {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
}

async fn unknown_path(request: HttpRequest) -> HttpResponse {
    if request.method() == Method::OPTIONS {
        return HttpResponse::Ok().json(serde_json::json!({}));
    }
    error::answer(&Error::unrecognized("There is no such endpoint."))
}
