//! `[captcha]`: the captcha that people solve who register.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Hidden, Problem, values};

/// Captchas.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Captcha {
    /// The service whose captcha is shown; without one, none is.
    pub service: Option<CaptchaService>,
    /// The key that names this server there, and that everybody may see.
    pub site_key: Option<String>,
    /// The secret that goes with it.
    pub secret: Option<Hidden>,
    /// A file with that secret.
    pub secret_file: Option<PathBuf>,
    /// The script that shows the captcha, if it is not the service's own.
    pub script_url: Option<Url>,
    /// From where that script loads more.
    #[serde(deserialize_with = "values::one_or_many")]
    pub script_sources: Vec<String>,
    /// Where this server asks whether an answer is right, if it is not the service's own.
    pub verify_url: Option<Url>,
}

/// A service, or another that speaks like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the variants are names of services")]
pub enum CaptchaService {
    Recaptcha,
    Hcaptcha,
    Turnstile,
}

impl CaptchaService {
    fn script_url(self) -> &'static str {
        match self {
            Self::Recaptcha => "https://www.google.com/recaptcha/api.js",
            Self::Hcaptcha => "https://js.hcaptcha.com/1/api.js",
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/api.js",
        }
    }

    fn verify_url(self) -> &'static str {
        match self {
            Self::Recaptcha => "https://www.google.com/recaptcha/api/siteverify",
            Self::Hcaptcha => "https://api.hcaptcha.com/siteverify",
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
        }
    }

    /// From where its own script comes and loads more, as its documentation tells.
    fn sources(self) -> &'static [&'static str] {
        match self {
            Self::Recaptcha => &[
                "https://www.google.com/recaptcha/",
                "https://www.gstatic.com/recaptcha/",
                "https://recaptcha.google.com/recaptcha/",
            ],
            Self::Hcaptcha => &["https://hcaptcha.com", "https://*.hcaptcha.com"],
            Self::Turnstile => &["https://challenges.cloudflare.com"],
        }
    }
}

impl Captcha {
    /// The script that shows the captcha of `service`.
    pub fn script(&self, service: CaptchaService) -> String {
        self.script_url.as_ref().map_or_else(|| service.script_url().to_owned(), Url::to_string)
    }

    /// From where a page with the captcha of `service` may load anything, for its content security policy.
    pub fn sources(&self, service: CaptchaService) -> Vec<String> {
        let own = match &self.script_url {
            Some(url) => vec![url.origin().ascii_serialization()],
            None => service.sources().iter().map(|source| (*source).to_owned()).collect(),
        };
        own.into_iter().chain(self.script_sources.iter().cloned()).collect()
    }

    /// Where it is asked whether an answer to `service` is right.
    pub fn verification(&self, service: CaptchaService) -> Url {
        let own = || Url::parse(service.verify_url()).expect("the addresses above are URLs");
        self.verify_url.clone().unwrap_or_else(own)
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        let problem = |name: &str, message: &str| Err(Problem::new(format!("captcha.{name}"), message));
        if self.service.is_none() {
            return if *self == Self::default() { Ok(()) } else { problem("service", "is needed for a captcha") };
        }
        if self.site_key.as_ref().is_none_or(String::is_empty) {
            return problem("site_key", "is needed for a captcha");
        }
        match (&self.secret, &self.secret_file) {
            (None, None) => return problem("secret_file", "is needed for a captcha"),
            (Some(_), Some(_)) => return problem("secret_file", "is of no use beside captcha.secret"),
            _ => {}
        }
        let is_local = |url: &Url| matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        for (name, url) in [("script_url", &self.script_url), ("verify_url", &self.verify_url)] {
            if url.as_ref().is_some_and(|url| url.scheme() != "https" && !is_local(url)) {
                return problem(name, "must look like https://captcha.example.org/…");
            }
        }
        // A space or a semicolon would begin something else in the policy.
        let is_source = |source: &String| {
            let rest = source.strip_prefix("https://").unwrap_or_default();
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic() && !b";,'\"".contains(&byte))
        };
        if !self.script_sources.iter().all(is_source) {
            return problem("script_sources", "must look like https://static.example.org");
        }
        Ok(())
    }
}
