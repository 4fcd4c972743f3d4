//! Speaks HTTP: the only code that knows actix-web. Handlers decide nothing: they take a request
//! apart, call one service function and answer.

pub mod access;
pub mod authenticate;
pub mod client;
pub mod client_address;
pub mod downloads;
pub mod endpoint;
pub mod entrance;
pub mod error;
pub mod exchange;
pub mod federation;
pub mod gates;
pub mod legacy;
pub mod monitoring;
pub mod oauth;
pub mod pages;
mod parsing;
pub mod proxied;
pub mod proxy_protocol;
pub mod ranges;
pub mod resources;
pub mod synapse_admin;
pub mod tls;
pub mod uploads;
pub mod work;

use std::{
    future::Future,
    net::TcpListener,
    time::{Duration, Instant},
};

pub use actix_web::dev::{Server, ServerHandle};
use actix_web::{
    App as ActixApp, HttpMessage, HttpRequest, HttpServer,
    body::BoxBody,
    dev::{Service, ServiceFactory, ServiceRequest, ServiceResponse},
    http::{KeepAlive, Method, StatusCode, header},
    web,
};
use tracing::{debug, warn};

pub use self::entrance::Entrance;
use self::{
    endpoint::{Route, custom},
    resources::{Place, Resources},
    tls::Certificate,
};
use crate::{Error, Result, metrics::Metrics};

/// Longest time to wait for requests in flight when the server stops, in seconds.
const SHUTDOWN_S: u64 = 10;
/// How long connections may stay open then, in seconds: those over which nobody has asked anything yet would
/// stay until [`HEAD_TIMEOUT`].
const CLOSING_S: u64 = 3;
/// Reverse proxies keep their connections; they close them first when we wait longer than they.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a client may take to send the head of its request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that wait until they are accepted.
const BACKLOG: u32 = 4096;

/// A socket that is open already, so that an address in use is found before anything else starts.
#[derive(Debug)]
pub enum Socket {
    /// HTTP/1.1, or HTTP/2 without TLS.
    Plain(TcpListener),
    /// HTTPS with HTTP/1.1 or HTTP/2.
    Tls(TcpListener, Certificate),
}

/// All routes, in the order of the specification.
pub fn routes() -> Vec<Route> {
    let mut all = client::routes();
    all.extend(federation::routes());
    all.extend(oauth::routes());
    all.extend(pages::routes());
    all.extend(access::routes());
    all.extend(synapse_admin::routes());
    all.push(custom(http::Method::GET, &["/health"], monitoring::health));
    all
}

/// Prepares the server on `sockets`, for at most `connections` at a time; it runs when awaited.
///
/// The workers only move bytes, which one of them does for some cores; more of them lengthen the
/// slowest answers. The work is done on the shared runtime that calls this.
pub fn serve(entrance: &Entrance, sockets: Vec<Socket>, connections: usize) -> Result<Server> {
    let resources = Resources::new(routes());
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(4));
    let entrance = entrance.clone();
    let mut server = HttpServer::new(move || application(&entrance, &resources))
        .workers(workers)
        .max_connections(connections.div_ceil(workers))
        .backlog(BACKLOG)
        .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
        .client_request_timeout(HEAD_TIMEOUT)
        .shutdown_timeout(CLOSING_S)
        .disable_signals();
    for socket in sockets {
        server = match socket {
            Socket::Plain(listener) => server.listen_auto_h2c(listener),
            Socket::Tls(listener, certificate) => server.listen_rustls_0_23(listener, certificate.server_config()),
        }
        .map_err(|fault| Error::internal(format!("listening for HTTP: {fault}")))?;
    }
    Ok(server.run())
}

/// What actix does with every request.
fn application(
    entrance: &Entrance,
    resources: &Resources,
) -> ActixApp<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    > + use<>,
> {
    let (metrics, resources) = (entrance.metrics().clone(), resources.clone());
    ActixApp::new()
        .app_data(web::Data::new(entrance.clone()))
        .wrap_fn(move |request, service| finish(metrics.clone(), service.call(request)))
        .default_service(web::to(move |entrance, request, payload| {
            let resources = resources.clone();
            async move { resources.serve(entrance, request, payload).await }
        }))
}

/// Stops accepting, lets requests in flight come to their end, and then the handlers whose client
/// has left. Requests that wait for news must have been told to end.
pub async fn stop(server: &ServerHandle, entrance: &Entrance) {
    server.stop(true).await;
    entrance.work().close();
    let patience = Duration::from_secs(SHUTDOWN_S);
    if tokio::time::timeout(patience, entrance.work().wait()).await.is_err() {
        warn!(requests = entrance.work().len(), "Some requests did not come to an end");
    }
}

/// Awaits an answer, counts it and lets scripts of all origins see it.
async fn finish<B>(
    metrics: Metrics,
    answer: impl Future<Output = Result<ServiceResponse<B>, actix_web::Error>>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let started = Instant::now();
    let mut answer = answer.await?;
    // Pages are for people; no script of another site has a use for them.
    if !answer.headers().contains_key(header::X_FRAME_OPTIONS) {
        allow_all_origins(answer.headers_mut());
    }
    let request = answer.request();
    let path = request.extensions().get::<Place>().map(|place| place.path.clone());
    let endpoint = path.as_deref().unwrap_or("unknown");
    metrics.request(request.method().as_str(), endpoint, answer.status().as_u16(), started.elapsed());
    tell_of_refusal(request, answer.status());
    Ok(answer)
}

/// Logs what a client asked for in vain: endpoints that it misses here, or why it is unhappy. The
/// query is left out, because older clients put their access tokens there.
fn tell_of_refusal(request: &HttpRequest, status: StatusCode) {
    let (http_method, http_path, http_status) = (request.method(), request.path(), status.as_u16());
    if !request.extensions().contains::<Place>() || status == StatusCode::METHOD_NOT_ALLOWED {
        if *http_method != Method::OPTIONS {
            debug!(http.method = %http_method, http.path = http_path, http.status = http_status, "An unrecognised request");
        }
    } else if status.is_client_error() || status.is_server_error() {
        debug!(http.method = %http_method, http.path = http_path, http.status = http_status, "A refused request");
    }
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
