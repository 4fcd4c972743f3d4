//! Fetches what people link to, hop by hop, so that every address on the way is checked.

use anyhow::{Context, bail};
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::Response;
use url::Url;

use super::Outgoing;

/// How often a request is sent on to another address at most.
const HOPS: usize = 5;

/// What is at an address.
#[derive(Debug)]
pub struct Fetched {
    /// The address at which it was found in the end.
    pub url: Url,
    /// What it says it is.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
}

/// How much of a body is read, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of a text, whose rest is left out.
    pub text: usize,
    /// Of anything else, which is refused if it is larger.
    pub other: usize,
}

impl Outgoing {
    /// Fetches what is at `url`, following redirections.
    pub async fn fetch(&self, mut url: Url, accept: &str, limits: Limits) -> anyhow::Result<Fetched> {
        for _ in 0..=HOPS {
            if !is_web(&url) {
                bail!("the address is not one of the web");
            }
            self.forbidden.check(&url)?;
            let response = self.client.get(url.clone()).header(ACCEPT, accept).send().await?;
            if response.status().is_redirection() {
                let next = header(&response, &LOCATION).context("the redirection says not where to")?;
                url = url.join(&next).context("the redirection goes nowhere")?;
                continue;
            }
            if !response.status().is_success() {
                bail!("the status is {}", response.status());
            }
            let content_type = header(&response, &CONTENT_TYPE).unwrap_or_default();
            let body = read(response, content_type.starts_with("text/"), limits).await?;
            return Ok(Fetched { url, content_type, body });
        }
        bail!("there are too many redirections")
    }
}

/// Whether `url` is one that browsers show, with nothing secret in it.
pub fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none()
}

fn header(response: &Response, name: &http::HeaderName) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}

async fn read(mut response: Response, is_text: bool, limits: Limits) -> anyhow::Result<Bytes> {
    let limit = if is_text { limits.text } else { limits.other };
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        let room = limit - body.len();
        if chunk.len() > room {
            if !is_text {
                bail!("it is too large");
            }
            body.extend_from_slice(&chunk[..room]);
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
