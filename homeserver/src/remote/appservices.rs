//! Speaks to application services. Application service API, "Homeserver -> Application Service API".

use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ruma::{RoomAliasId, UserId};
use serde::Deserialize;
use serde_json::json;
use tracing::debug;
use url::Url;

use super::outgoing::{Answer, Call, Outgoing, is_timeout};
use crate::{
    Error, Result,
    accounts::appservices::{AppService, AppServices},
    config,
    error::ErrorKind,
};

/// The way to all application services; clones share it.
#[derive(Clone, Debug)]
pub struct AppServiceClient {
    outgoing: Outgoing,
    known: AppServices,
    token_in_query: bool,
}

/// A request to an application service, with its path of today and of before version 1 of the API.
struct Request<'a> {
    method: Method,
    path: String,
    former_path: Option<String>,
    query: &'a [(String, String)],
    json: Option<String>,
}

impl<'a> Request<'a> {
    fn get(path: String, former_path: String, query: &'a [(String, String)]) -> Self {
        Self { method: Method::GET, path, former_path: Some(former_path), query, json: None }
    }
}

/// Encodes a path segment.
fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

impl AppServiceClient {
    /// The way to those that are `known`.
    pub fn new(outgoing: &config::Outgoing, appservices: &config::AppServices, known: AppServices) -> Result<Self> {
        let outgoing = Outgoing::to_chosen_addresses(outgoing)?;
        Ok(Self { outgoing, known, token_in_query: appservices.token_in_query })
    }

    /// All application services.
    pub fn known(&self) -> &AppServices {
        &self.known
    }

    /// Brings a transaction; fails unless it is taken.
    pub async fn bring(&self, service: &AppService, txn_id: &str, json: String) -> anyhow::Result<()> {
        let request = Request {
            method: Method::PUT,
            path: format!("_matrix/app/v1/transactions/{txn_id}"),
            former_path: Some(format!("transactions/{txn_id}")),
            query: &[],
            json: Some(json),
        };
        let answer = self.ask(service, request).await?;
        if !answer.status.is_success() {
            bail!("the application service answered {}", answer.status);
        }
        Ok(())
    }

    /// Finds out whether an application service is there and knows our token; returns how long it
    /// took. Application service API, "Pinging".
    pub async fn ping(&self, service: &AppService, transaction_id: Option<&str>) -> Result<Duration> {
        if service.url.is_none() {
            return Err(Error::refused(ErrorKind::UrlNotSet, "This application service has no URL."));
        }
        let json = transaction_id.map_or_else(|| json!({}), |id| json!({ "transaction_id": id }));
        let request = Request {
            method: Method::POST,
            path: "_matrix/app/v1/ping".to_owned(),
            former_path: None,
            query: &[],
            json: Some(json.to_string()),
        };
        let started = Instant::now();
        match self.ask(service, request).await {
            Ok(answer) if answer.status.is_success() => Ok(started.elapsed()),
            Ok(answer) => Err(bad_status(&answer)),
            Err(fault) if is_timeout(&fault) => {
                Err(Error::refused(ErrorKind::ConnectionTimeout, "The application service did not answer in time."))
            }
            Err(fault) => {
                debug!(appservice.id = service.id, cause = format!("{fault:#}"), "A ping failed");
                Err(Error::refused(ErrorKind::ConnectionFailed, "The application service cannot be reached."))
            }
        }
    }

    /// Asks the application services in whose namespace a user is whether there is to be such a user;
    /// one that says so has made them. Application service API, "Querying".
    pub async fn query_user(&self, user: &UserId) -> bool {
        let path = format!("users/{}", segment(user.as_str()));
        self.query(&path, |service| service.is_interested_in_user(user)).await
    }

    /// The same about an alias.
    pub async fn query_alias(&self, alias: &RoomAliasId) -> bool {
        let path = format!("rooms/{}", segment(alias.as_str()));
        self.query(&path, |service| service.namespaces.aliases.contains(alias.as_str())).await
    }

    async fn query(&self, path: &str, is_asked: impl Fn(&AppService) -> bool) -> bool {
        for service in self.known.iter().filter(|service| service.url.is_some() && is_asked(service)) {
            match self.ask(service, Request::get(format!("_matrix/app/v1/{path}"), path.to_owned(), &[])).await {
                Ok(answer) if answer.status.is_success() => return true,
                Ok(_) => {}
                Err(fault) => {
                    debug!(appservice.id = service.id, cause = format!("{fault:#}"), "A query was not answered");
                }
            }
        }
        false
    }

    /// Sends a request, and sends it to the former path where that of today is not known.
    async fn ask(&self, service: &AppService, request: Request<'_>) -> anyhow::Result<Answer> {
        let base = service.url.as_ref().ok_or_else(|| anyhow!("the application service has no URL"))?;
        let call = |path: &str| Call {
            method: request.method.clone(),
            url: self.url(base, path, service, request.query),
            token: Some(service.hs_token.expose()),
            json: request.json.clone(),
        };
        let answer = self.outgoing.send(call(&request.path)).await?;
        match &request.former_path {
            Some(former) if is_unknown_path(&answer) => self.outgoing.send(call(former)).await,
            _ => Ok(answer),
        }
    }

    fn url(&self, base: &Url, path: &str, service: &AppService, query: &[(String, String)]) -> Url {
        let mut url = base.clone();
        url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
        if self.token_in_query || !query.is_empty() {
            let mut pairs = url.query_pairs_mut();
            pairs.extend_pairs(query);
            if self.token_in_query {
                pairs.append_pair("access_token", service.hs_token.expose());
            }
        }
        url
    }
}

/// Whether the path means nothing there, as opposed to what was asked about. Application service
/// API, "Legacy routes" and "Unknown routes".
fn is_unknown_path(answer: &Answer) -> bool {
    #[derive(Deserialize)]
    struct Body {
        errcode: String,
    }
    if !matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) {
        return false;
    }
    serde_json::from_slice::<Body>(&answer.body).map_or(true, |body| body.errcode == "M_UNRECOGNIZED")
}

fn bad_status(answer: &Answer) -> Error {
    let mut data = ruma::api::error::BadStatusErrorData::new();
    data.status = Some(answer.status);
    data.body = Some(String::from_utf8_lossy(&answer.body).into_owned());
    let message = format!("The application service answered with status {}.", answer.status.as_u16());
    Error::refused(ErrorKind::BadStatus(data), message)
}
