//! An HTTP client that costs little: one connection that stays open, one request at a time.

use std::{
    net::{IpAddr, SocketAddr},
    pin::pin,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// The longest a request may take; no poll asks to wait that long.
const PATIENCE: Duration = Duration::from_secs(150);
/// The server closes connections that were idle for longer.
const IDLE: Duration = Duration::from_secs(60);

/// One connection to the server. It is opened again when it was closed.
#[derive(Debug)]
pub struct Connection {
    server: SocketAddr,
    source: Option<IpAddr>,
    requests: SendRequest<Full<Bytes>>,
    driver: http1::Connection<TokioIo<TcpStream>, Full<Bytes>>,
    is_open: bool,
    used: Instant,
}

/// An answer with its last byte.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The whole body.
    pub body: Bytes,
    /// The time from just before the request was sent until the last byte was there.
    pub took: Duration,
    /// When the last byte was there.
    pub arrived: Instant,
}

impl Connection {
    /// Connects.
    pub async fn open(server: SocketAddr) -> Result<Self> {
        Self::open_from(server, None).await
    }

    /// Connects from an address of this machine, each of which has ports of its own.
    pub async fn open_from(server: SocketAddr, source: Option<IpAddr>) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if let Some(source) = source {
            socket.bind(SocketAddr::new(source, 0)).context("binding a connection to its source address")?;
        }
        let stream = socket.connect(server).await.context("connecting to the server")?;
        stream.set_nodelay(true)?;
        let (requests, driver) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self { server, source, requests, driver, is_open: true, used: Instant::now() })
    }

    /// `GET`, which has to succeed.
    pub async fn get(&mut self, token: &str, path: &str) -> Result<Answer> {
        self.exchange(Method::GET, token, path, None).await?.success()
    }

    /// `POST`, which has to succeed.
    pub async fn post(&mut self, token: &str, path: &str, body: &Value) -> Result<Answer> {
        self.exchange(Method::POST, token, path, Some(body)).await?.success()
    }

    /// `PUT`, which has to succeed.
    pub async fn put(&mut self, token: &str, path: &str, body: &Value) -> Result<Answer> {
        self.exchange(Method::PUT, token, path, Some(body)).await?.success()
    }

    /// Any request with any answer. An empty `token` is left out.
    pub async fn exchange(&mut self, method: Method, token: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        if !self.is_open || self.used.elapsed() > IDLE {
            *self = Self::open_from(self.server, self.source).await?;
        }
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map(ToString::to_string).unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(body))).context("a request")?;

        let started = Instant::now();
        let outcome = timeout(PATIENCE, self.drive(request)).await;
        let arrived = Instant::now();
        self.used = arrived;
        // After a fault the connection may stand in the midst of an answer.
        self.is_open &= matches!(outcome, Ok(Ok(_)));
        let (status, body) = outcome.context("no answer")?.context("the connection broke")?;
        Ok(Answer { status, body, took: arrived - started, arrived })
    }

    /// Sends a request and moves the connection's bytes until the answer is complete.
    async fn drive(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<(StatusCode, Bytes)> {
        let answer = self.requests.send_request(request);
        let mut answer = pin!(async {
            let answer = answer.await?;
            Ok((answer.status(), answer.into_body().collect().await?.to_bytes()))
        });
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            _ = &mut self.driver => {
                // What has arrived can still be read; a driver must not be asked again.
                self.is_open = false;
                answer.await
            }
        }
    }
}

impl Answer {
    /// The same, unless the server refused.
    fn success(self) -> Result<Self> {
        if self.status.is_success() {
            return Ok(self);
        }
        let told: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        bail!("{} {}", self.status.as_u16(), told["errcode"].as_str().unwrap_or("without an error code"))
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).context("the answer is not what it should be")
    }
}

/// A text as one segment of a path, or as a value in a query.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
