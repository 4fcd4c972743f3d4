//! Binds a ruma request type to a route: paths and method, caller, body, answer.

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr},
    pin::Pin,
    sync::Arc,
};

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::Method;
use ruma::api::{IncomingRequest, Metadata, OutgoingResponseExt, path_builder::PathBuilder};

use super::{
    authenticate::{Authenticate, Circumstances},
    client_address,
    entrance::Entrance,
    error, exchange,
    gates::Gate,
    parsing::parse,
    resources::Place,
    work::Workplace,
};
use crate::{App, Error, Result, access::Visitor, audit::Origin, mail::Language};

/// A request for the endpoint `T`, parsed, and its caller, authenticated.
pub struct Ruma<T: Metadata>
where
    T::Authentication: Authenticate,
{
    /// The parsed request.
    pub body: T,
    /// Who called; its type is decided by the endpoint's authentication scheme.
    pub caller: <T::Authentication as Authenticate>::Caller,
    /// From where it came.
    pub origin: Origin,
    /// The languages that its sender likes.
    accept_language: Option<http::HeaderValue>,
    /// The URI as it came, for what else it says than the specification knows.
    pub uri: http::Uri,
    /// The body as it came, for the few endpoints that look at it again.
    pub raw: Bytes,
}

impl<T: Metadata> Ruma<T>
where
    T::Authentication: Authenticate,
{
    /// The language in which the sender likes to be written to.
    pub fn language(&self) -> Language {
        let accepted = self.accept_language.as_ref().and_then(|value| value.to_str().ok());
        Language::preferred(accepted.unwrap_or_default())
    }
}

/// A request as it came, ready to be worked on by the shared runtime.
#[derive(Debug)]
pub struct Incoming {
    /// Everything but the body.
    pub request: http::Request<()>,
    /// The decoded parameters of the path, in its order.
    pub path_args: Vec<String>,
    /// The whole body.
    pub body: Bytes,
    /// From where it came.
    pub origin: Origin,
}

type Answer = Pin<Box<dyn Future<Output = HttpAnswer> + Send>>;
pub(super) type Handler = Arc<dyn Fn(App, Incoming) -> Answer + Send + Sync>;
/// What a handler answers.
pub type HttpAnswer = Result<http::Response<Bytes>>;

/// Serves actix's request itself, for endpoints that stream.
pub type Streaming = Arc<dyn Fn(Workplace, HttpRequest, web::Payload) -> StreamingAnswer + Send + Sync>;
pub(super) type StreamingAnswer = Pin<Box<dyn Future<Output = HttpResponse>>>;

/// One endpoint: a method on one or more paths.
#[derive(Clone)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The stable path first, then older and unstable ones.
    pub paths: Vec<String>,
    /// Whether it always refuses, because the server does not have what it is for.
    pub is_refused: bool,
    pub(super) serve: Serve,
}

#[derive(Clone)]
pub(super) enum Serve {
    Whole(Handler),
    Streaming(Streaming),
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}", self.method, self.paths)
    }
}

impl Route {
    /// Adds a path that ruma does not list.
    #[must_use]
    pub fn also(mut self, path: &str) -> Self {
        self.paths.push(path.to_owned());
        self
    }

    /// Says that it always refuses.
    #[must_use]
    pub fn refused(self) -> Self {
        Self { is_refused: true, ..self }
    }

    /// Brings bodies into another form, or refuses them, before they are parsed.
    #[must_use]
    pub fn prepared(mut self, prepare: fn(Bytes) -> Result<Bytes>) -> Self {
        if let Serve::Whole(handler) = self.serve {
            self.serve = Serve::Whole(Arc::new(move |app, mut incoming: Incoming| {
                match prepare(std::mem::take(&mut incoming.body)) {
                    Ok(body) => handler(app, Incoming { body, ..incoming }),
                    Err(refusal) => Box::pin(std::future::ready(Err(refusal))),
                }
            }));
        }
        self
    }
}

/// Binds `handler` to every path and the method of the Matrix endpoint `T`.
pub fn endpoint<T, H, F>(handler: H) -> Route
where
    T: IncomingRequest + Send + 'static,
    T::Authentication: Authenticate,
    T::OutgoingResponse: Send,
    H: Fn(App, Ruma<T>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<T::OutgoingResponse>> + Send,
{
    bind::<T, _, _>(move |app, request| async move {
        let response = handler(app, request).await?;
        let response = response
            .try_into_http_response::<BytesMut>()
            .map_err(|fault| Error::internal(format!("an answer could not be serialised: {fault}")))?;
        Ok(response.map(BytesMut::freeze))
    })
}

/// Like [`endpoint`], for hot paths that write their JSON themselves.
pub fn endpoint_json<T, H, F>(handler: H) -> Route
where
    T: IncomingRequest + Send + 'static,
    T::Authentication: Authenticate,
    H: Fn(App, Ruma<T>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<String>> + Send,
{
    bind::<T, _, _>(move |app, request| async move { json_answer(handler(app, request).await?) })
}

/// Like [`endpoint`], for answers with a status of their own.
pub fn endpoint_http<T, H, F>(handler: H) -> Route
where
    T: IncomingRequest + Send + 'static,
    T::Authentication: Authenticate,
    H: Fn(App, Ruma<T>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = HttpAnswer> + Send,
{
    bind::<T, _, _>(handler)
}

/// An answer that is JSON already.
pub fn json_answer(json: String) -> HttpAnswer {
    http::Response::builder()
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Bytes::from(json))
        .map_err(|fault| Error::internal(fault.to_string()))
}

/// An endpoint that ruma does not have.
pub fn custom<H, F>(method: Method, paths: &[&str], handler: H) -> Route
where
    H: Fn(App, Incoming) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = HttpAnswer> + Send + 'static,
{
    Route {
        method,
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        is_refused: false,
        serve: Serve::Whole(Arc::new(move |app, incoming| Box::pin(handler(app, incoming)))),
    }
}

/// An endpoint that reads or writes its body as a stream; it authenticates by itself.
pub fn streaming(method: Method, paths: &[&str], serve: Streaming) -> Route {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    Route { method, paths, is_refused: false, serve: Serve::Streaming(serve) }
}

fn bind<T, H, F>(handler: H) -> Route
where
    T: IncomingRequest + Send + 'static,
    T::Authentication: Authenticate,
    H: Fn(App, Ruma<T>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = HttpAnswer> + Send,
{
    let gate = gate::<T>();
    let serve = move |app: App, incoming: Incoming| -> Answer {
        Box::pin(async move {
            // Each step is boxed, so that a request that waits holds no room for what it has done.
            let request = Box::pin(admit::<T>(gate, &app, incoming)).await?;
            if T::METHOD != Method::GET {
                return Box::pin(handler(app, request)).await;
            }
            // What only reads may wait for long: it ends when a new rule is in its way.
            let user = T::Authentication::user(&request.caller).map(|user| (user.id.clone(), user.nid, user.address()));
            let visitor = match &user {
                Some((id, nid, address)) => Visitor { user: Some((id, *nid)), address: *address },
                None => Visitor { user: None, address: Some(request.origin.address) },
            };
            let access = app.access.clone();
            access.live.unless_cut(visitor, Box::pin(handler(app, request))).await
        })
    };
    Route { method: T::METHOD, paths: paths::<T>(), is_refused: false, serve: Serve::Whole(Arc::new(serve)) }
}

/// The paths of a Matrix endpoint, the newest first.
pub(super) fn paths<T: Metadata>() -> Vec<String> {
    let mut paths: Vec<String> = T::PATH_BUILDER.all_paths().map(ToOwned::to_owned).collect();
    paths.reverse();
    paths
}

/// The gate of a Matrix endpoint.
pub(super) fn gate<T: Metadata>() -> Gate {
    Gate::of(&T::METHOD, &paths::<T>()[0], T::RATE_LIMITED)
}

/// Authenticates the caller, lets the request pass the gate, then parses it.
pub(super) async fn admit<T>(gate: Gate, app: &App, incoming: Incoming) -> Result<Ruma<T>>
where
    T: IncomingRequest,
    T::Authentication: Authenticate,
{
    let Incoming { request, path_args, body, origin } = incoming;
    let of = Circumstances { request: &request, origin: &origin };
    let caller = T::Authentication::authenticate(app, &of).await?;
    let gate = if T::Authentication::is_unlimited(&caller) { gate.without_limit() } else { gate };
    gate.pass(app, T::Authentication::user(&caller), &origin, &path_args).await?;
    let accept_language = request.headers().get(http::header::ACCEPT_LANGUAGE).cloned();
    let uri = request.uri().clone();
    let parsed = parse::<T>(request, &path_args, &body)?;
    Ok(Ruma { body: parsed, caller, origin, accept_language, uri, raw: body })
}

/// Reads the body here and does the work on the shared runtime.
pub(super) async fn serve_whole(
    handler: Handler,
    entrance: web::Data<Entrance>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let Some(workplace) = Workplace::of(&entrance) else { return error::not_ready() };
    let is_read = request.method() == actix_web::http::Method::GET;
    let incoming = match Box::pin(incoming(&workplace.app, &request, payload)).await {
        Ok(incoming) => incoming,
        Err(refusal) => return error::answer(&refusal),
    };
    match workplace.start(is_read, handler(workplace.app.clone(), incoming)).outcome().await {
        Ok(response) => exchange::response(response),
        Err(refusal) => error::answer(&refusal),
    }
}

async fn incoming(app: &App, request: &HttpRequest, mut payload: web::Payload) -> Result<Incoming> {
    let incoming = without_body(app, request)?;
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|fault| Error::unknown(format!("The body could not be read: {fault}.")))?;
        if body.len() + chunk.len() > app.config.http.body_limit_bytes {
            return Err(Error::too_large("The request body is too large."));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Incoming { body: body.freeze(), ..incoming })
}

/// A request whose body is not read, or not yet; refused if nothing is taken from where it comes from.
pub(super) fn without_body(app: &App, request: &HttpRequest) -> Result<Incoming> {
    let origin = origin(app, request);
    app.access.gates.arrival(&Visitor { user: None, address: Some(origin.address) })?;
    Ok(Incoming { request: exchange::request(request)?, path_args: path_args(request)?, body: Bytes::new(), origin })
}

/// The parameters of the path.
pub fn path_args(request: &HttpRequest) -> Result<Vec<String>> {
    let decode = |value: &str| {
        let bytes: Vec<u8> = percent_encoding::percent_decode_str(value).collect();
        String::from_utf8(bytes).map_err(|_| Error::invalid_param("The path is not UTF-8."))
    };
    let extensions = request.extensions();
    extensions.get::<Place>().into_iter().flat_map(|place| &place.args).map(|value| decode(value)).collect()
}

/// From where a request comes.
pub fn origin(app: &App, request: &HttpRequest) -> Origin {
    let agent = request.headers().get(actix_web::http::header::USER_AGENT);
    Origin::new(client_address(app, request), agent.and_then(|agent| agent.to_str().ok()))
}

/// The client's address, as the socket or trusted proxies tell it.
fn client_address(app: &App, request: &HttpRequest) -> IpAddr {
    let rules = &app.config.http;
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
    let Some(name) = &rules.client_address_header else { return peer.to_canonical() };
    let values: Vec<&str> = request.headers().get_all(name).filter_map(|value| value.to_str().ok()).collect();
    client_address::client_address(rules, peer, values.into_iter())
}
