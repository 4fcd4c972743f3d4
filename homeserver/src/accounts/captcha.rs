//! The captcha that people solve who register, where the operator wants one. Client-server API, "Google
//! ReCaptcha", which other services follow.

use std::{fmt, net::IpAddr, pin::Pin, sync::Arc};

use serde_json::{Value, json};

use crate::{
    Error, Result,
    config::{self, CaptchaService},
};

/// The longest answer that is passed on, in bytes: those of the services have up to some 4,000.
const LONGEST: usize = 16 << 10;

/// Asks a service about answers. Accounts are below what speaks to other programs, so it is given to them.
pub trait Verifier: fmt::Debug + Send + Sync {
    /// Whether `answer` shows that somebody at `address` has solved the service's captcha a moment ago. It is
    /// good once.
    fn is_right<'a>(&'a self, answer: &'a str, address: IpAddr) -> Verdict<'a>;
}

/// What a service says of an answer.
pub type Verdict<'a> = Pin<Box<dyn Future<Output = Result<bool>> + Send + 'a>>;

/// A captcha; clones share it.
#[derive(Clone, Debug)]
pub struct Captcha {
    service: CaptchaService,
    site_key: Arc<str>,
    script: Arc<str>,
    sources: Arc<str>,
    verifier: Arc<dyn Verifier>,
}

/// What a page needs to show it.
#[derive(Clone, Debug)]
pub struct Widget {
    /// The class of the element that the script looks for.
    pub class: &'static str,
    /// The field into which it puts the answer.
    pub field: &'static str,
    /// The key that names this server.
    pub site_key: Arc<str>,
    /// The script.
    pub script: Arc<str>,
    /// From where the page may load anything, for its content security policy.
    pub sources: Arc<str>,
}

impl Captcha {
    /// The captcha of `rules`, if there is one, about which `verifier` is asked.
    pub fn new(rules: &config::Captcha, verifier: Arc<dyn Verifier>) -> Option<Self> {
        let service = rules.service?;
        Some(Self {
            service,
            site_key: rules.site_key.as_deref()?.into(),
            script: rules.script(service).into(),
            sources: rules.sources(service).join(" ").into(),
            verifier,
        })
    }

    /// Whether clients may draw it themselves. They take every captcha for Google's, so that another one is
    /// a stage of a name that they do not know: then they open the page of this server.
    pub(super) fn is_drawn_by_clients(&self) -> bool {
        self.service == CaptchaService::Recaptcha
    }

    /// What clients need to draw it. Client-server API, "Google ReCaptcha": `public_key`, as they expect it.
    pub(super) fn params(&self) -> Value {
        json!({ "public_key": self.site_key })
    }

    /// What a page needs to show it.
    pub fn widget(&self) -> Widget {
        let (class, field) = match self.service {
            CaptchaService::Recaptcha => ("g-recaptcha", "g-recaptcha-response"),
            CaptchaService::Hcaptcha => ("h-captcha", "h-captcha-response"),
            CaptchaService::Turnstile => ("cf-turnstile", "cf-turnstile-response"),
        };
        Widget {
            class,
            field,
            site_key: self.site_key.clone(),
            script: self.script.clone(),
            sources: self.sources.clone(),
        }
    }

    /// Refuses an answer that is not right, or was used before.
    pub(super) async fn check(&self, answer: &str, address: IpAddr) -> Result<()> {
        let is_possible = !answer.is_empty() && answer.len() <= LONGEST;
        if is_possible && self.verifier.is_right(answer, address).await? {
            return Ok(());
        }
        Err(Error::forbidden("The captcha was not solved, or too long ago. Solve it once more."))
    }
}
