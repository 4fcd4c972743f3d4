//! Asks a captcha service whether an answer is right, by the form that reCAPTCHA, hCaptcha and Turnstile
//! share ("siteverify").

use std::{net::IpAddr, time::Duration};

use anyhow::{Context, bail};
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use tokio::time::timeout;
use url::{Url, form_urlencoded::Serializer};

use super::outgoing::Outgoing;
use crate::{
    Error, Result,
    accounts::captcha::{Verdict, Verifier},
    config::{Config, Hidden},
    secrets::files,
};

/// How long people wait for the service.
const PATIENCE: Duration = Duration::from_secs(10);
/// The complaints for which nobody who registers is to blame. All others are about their answers.
const NOT_THEIR_FAULT: [&str; 5] =
    ["missing-input-secret", "invalid-input-secret", "sitekey-secret-mismatch", "bad-request", "internal-error"];

/// The way to the service.
#[derive(Debug)]
pub struct CaptchaClient {
    outgoing: Outgoing,
    url: Url,
    secret: Hidden,
}

/// What the service answers.
#[derive(Debug, Deserialize)]
struct Answer {
    success: bool,
    #[serde(default, rename = "error-codes")]
    complaints: Vec<String>,
}

impl CaptchaClient {
    /// The way to the service that is configured, if one is.
    pub fn new(config: &Config) -> Result<Option<Self>> {
        let rules = &config.captcha;
        let Some(service) = rules.service else { return Ok(None) };
        let secret = match (&rules.secret, &rules.secret_file) {
            (Some(secret), _) => secret.clone(),
            (None, Some(file)) => Hidden::from(files::given(file)?.to_string()),
            (None, None) => return Ok(None),
        };
        let outgoing = Outgoing::to_chosen_addresses(&config.outgoing)?;
        Ok(Some(Self { outgoing, url: rules.verification(service), secret }))
    }

    async fn ask(&self, answer: &str, address: IpAddr) -> anyhow::Result<bool> {
        let address = address.to_string();
        let fields = [("secret", self.secret.expose()), ("response", answer), ("remoteip", &address)];
        let form = Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = http::Request::post(self.url.as_str())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.into_bytes())?;
        let answered = timeout(PATIENCE, self.outgoing.pass(request)).await.context("it took too long")??;
        // Some tell of complaints with a status of 400.
        if answered.status().is_server_error() {
            bail!("it answered with {}", answered.status());
        }
        let Answer { success, complaints } =
            serde_json::from_slice(answered.body()).context("its answer could not be read")?;
        if let Some(complaint) = complaints.iter().find(|complaint| NOT_THEIR_FAULT.contains(&complaint.as_str())) {
            bail!("it complains: {complaint:?}");
        }
        Ok(success)
    }
}

impl Verifier for CaptchaClient {
    fn is_right<'a>(&'a self, answer: &'a str, address: IpAddr) -> Verdict<'a> {
        Box::pin(async move {
            let asked = self.ask(answer, address).await;
            asked.map_err(|cause| Error::Unavailable("The captcha service", cause))
        })
    }
}
