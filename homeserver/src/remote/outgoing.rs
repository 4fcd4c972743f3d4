//! Requests to other programs. Those to addresses that users choose never reach the networks that the
//! operator forbids, whatever a name resolves to.

mod fetching;
#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode};
use ipnet::IpNet;
use reqwest::{
    Certificate, Client, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use url::{Host, Url};

pub use self::fetching::{Fetched, Limits, is_web};
use crate::{Result, config};

/// How long a whole request may take, and one to a program of the operator's, which may have to do
/// something for it first.
const TIMEOUT: Duration = Duration::from_secs(15);
const LONG_TIMEOUT: Duration = Duration::from_mins(1);
/// How long it may take to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer that is read, in bytes.
const LARGEST_ANSWER: usize = 64 << 10;

/// A client for such requests; clones share its connections.
#[derive(Clone, Debug)]
pub struct Outgoing {
    client: Client,
    forbidden: Forbidden,
}

/// Networks that are never connected to.
#[derive(Clone, Debug)]
struct Forbidden(Arc<[IpNet]>);

/// A request.
#[derive(Debug)]
pub struct Call<'a> {
    /// The method.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// The bearer token that goes with it.
    pub token: Option<&'a str>,
    /// The JSON that is sent.
    pub json: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
}

impl Outgoing {
    /// A client that keeps to the operator's rules.
    pub fn new(rules: &config::Outgoing) -> Result<Self> {
        Self::build(rules, Forbidden(rules.forbidden_ranges.clone().into()), TIMEOUT)
    }

    /// A client for addresses that the operator chose, wherever they are.
    pub fn to_chosen_addresses(rules: &config::Outgoing) -> Result<Self> {
        Self::build(rules, Forbidden(Arc::default()), LONG_TIMEOUT)
    }

    fn build(rules: &config::Outgoing, forbidden: Forbidden, timeout: Duration) -> Result<Self> {
        let mut client = Client::builder()
            .user_agent(concat!("Salon/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(forbidden.clone()))
            // Where a request is sent on to is not what was checked.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(timeout)
            .connect_timeout(CONNECT_TIMEOUT);
        if let Some(file) = &rules.ca_file {
            let pem = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
            let authorities = Certificate::from_pem_bundle(&pem).with_context(|| format!("in {}", file.display()))?;
            client = client.tls_certs_merge(authorities);
        }
        Ok(Self { client: client.build().context("preparing outgoing requests")?, forbidden })
    }

    /// Sends JSON by `POST`.
    pub async fn post_json(&self, url: Url, json: String) -> anyhow::Result<Answer> {
        self.send(Call { method: Method::POST, url, token: None, json: Some(json) }).await
    }

    /// Sends a request as another library has put it together.
    pub async fn pass(&self, request: http::Request<Vec<u8>>) -> anyhow::Result<http::Response<Vec<u8>>> {
        let request = reqwest::Request::try_from(request)?;
        self.forbidden.check(request.url())?;
        let mut response = self.client.execute(request).await?;
        let body = whole(&mut response).await?;
        let mut answer = http::Response::new(body.to_vec());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }

    /// Sends any request.
    pub async fn send(&self, call: Call<'_>) -> anyhow::Result<Answer> {
        self.forbidden.check(&call.url)?;
        let mut request = self.client.request(call.method, call.url);
        if let Some(token) = call.token {
            request = request.bearer_auth(token);
        }
        if let Some(json) = call.json {
            request = request.header(http::header::CONTENT_TYPE, "application/json").body(json);
        }
        let mut response = request.send().await?;
        let body = whole(&mut response).await?;
        Ok(Answer { status: response.status(), body })
    }
}

/// The body of an answer, unless it is too large.
async fn whole(response: &mut Response) -> anyhow::Result<Bytes> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            bail!("the answer is too large");
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Whether a request failed because the answer took too long.
pub fn is_timeout(fault: &anyhow::Error) -> bool {
    fault.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout)
}

impl Forbidden {
    /// Refuses a URL that names an address in a forbidden network. Names are looked at when they
    /// are resolved.
    fn check(&self, url: &Url) -> anyhow::Result<()> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) => return Ok(()),
            None => bail!("the URL has no host"),
        };
        if self.contains(address) { Err(forbidden()) } else { Ok(()) }
    }

    fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl Resolve for Forbidden {
    fn resolve(&self, name: Name) -> Resolving {
        let networks = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| !networks.contains(address.ip())).collect();
            if allowed.is_empty() {
                return Err(forbidden().into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

fn forbidden() -> anyhow::Error {
    anyhow!("the address is in a network that outgoing.forbidden_ranges forbids")
}
