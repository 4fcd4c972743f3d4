//! The configuration, validated once into typed values. A service receives only its section.

pub mod access;
pub mod appservices;
pub mod audit;
pub mod captcha;
pub mod database;
pub mod discovery;
pub mod http;
pub mod identity_providers;
pub mod listeners;
mod load;
pub mod login;
pub mod mail;
pub mod media;
pub mod oauth;
pub mod outgoing;
pub mod passwords;
pub mod presence;
pub mod push;
pub mod rate_limits;
pub mod registration;
pub mod rooms;
pub mod secrets;
pub mod server;
pub mod server_notices;
pub mod sessions;
pub mod terms;
#[cfg(test)]
mod tests;
mod values;
pub mod voip;

use std::path::{Path, PathBuf};

pub use foundation::config::{Hidden, LogFormat, Logging, Problem};
use ruma::OwnedServerName;
use serde::{Deserialize, Serialize};
use url::Url;

pub use self::{
    access::Access,
    appservices::AppServices,
    audit::Audit,
    captcha::{Captcha, CaptchaService},
    database::Database,
    discovery::{Contact, Discovery},
    http::Http,
    identity_providers::{IdentityProvider, ProvidedAccounts},
    listeners::Listeners,
    load::load,
    login::{Login, RequireTotp},
    mail::Mail,
    media::Media,
    oauth::OAuth,
    outgoing::Outgoing,
    passwords::Passwords,
    presence::Presence,
    push::Push,
    rate_limits::{Limit, RateLimits},
    registration::{Registration, RegistrationMode},
    rooms::Rooms,
    secrets::Secrets,
    server::Server,
    server_notices::ServerNotices,
    sessions::Sessions,
    terms::{Terms, TermsText},
    voip::Voip,
};

/// Everything an operator can choose: one field per table of the TOML file.
///
/// `config/homeserver.toml` lists every option with its default; a test compares.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "each table is described where it is defined")]
pub struct Config {
    pub server: Server,
    pub discovery: Discovery,
    pub listeners: Listeners,
    pub http: Http,
    pub database: Database,
    pub registration: Registration,
    pub captcha: Captcha,
    pub terms: Vec<Terms>,
    pub mail: Mail,
    pub passwords: Passwords,
    pub login: Login,
    pub identity_providers: Vec<IdentityProvider>,
    pub sessions: Sessions,
    pub oauth: OAuth,
    pub rooms: Rooms,
    pub media: Media,
    pub presence: Presence,
    pub push: Push,
    pub appservices: AppServices,
    pub server_notices: ServerNotices,
    pub rate_limits: RateLimits,
    pub access: Access,
    pub voip: Voip,
    pub outgoing: Outgoing,
    pub secrets: Secrets,
    pub audit: Audit,
    pub logging: Logging,
}

impl Config {
    /// The defaults, for a server in a test: its name, its database and a directory of its own, weak
    /// password hashes, no rate limits, nothing listening by itself, other servers of this machine within reach.
    pub fn for_tests(server_name: OwnedServerName, database_url: &str, data_directory: &Path) -> Self {
        let mut config = Self::default();
        config.server.name = server_name;
        config.server.data_directory = data_directory.to_owned();
        config.database.url = Some(Hidden::from(database_url.to_owned()));
        config.database.connections = 8;
        config.registration.mode = RegistrationMode::Open;
        // Weak on purpose: tests create many users.
        config.passwords.minimum_strength = Some(0);
        config.passwords.memory_kib = 16;
        config.passwords.passes = 1;
        config.listeners.plain.clear();
        config.rate_limits.enabled = false;
        config.outgoing.forbidden_ranges.clear();
        config.push.require_https = false;
        config
    }

    /// Refuses values that are well-formed but make no sense, alone or together.
    pub fn check(&self) -> Result<(), Problem> {
        self.discovery.check()?;
        self.listeners.check()?;
        self.http.check()?;
        self.database.check()?;
        self.passwords.check()?;
        identity_providers::check(&self.identity_providers)?;
        self.captcha.check()?;
        terms::check(&self.terms)?;
        self.rooms.check()?;
        self.media.check()?;
        self.rate_limits.check()?;
        self.secrets.check()?;
        self.mail.check()?;
        self.server_notices.check()?;
        if self.registration.require_email && self.mail.smtp_host.is_none() {
            return Err(Problem::new("registration.require_email", "is not possible without mail.smtp_host"));
        }
        self.logging.check()
    }

    /// Where the keys are kept, unless they are given.
    pub fn key_file(&self) -> PathBuf {
        self.secrets.key_file.clone().unwrap_or_else(|| self.server.data_directory.join("secrets.key"))
    }

    /// The URL at which clients and browsers reach this server.
    pub fn base_url(&self) -> Url {
        let by_name = || Url::parse(&format!("https://{}", self.server.name));
        let url = self.discovery.client_url.clone().map_or_else(by_name, Ok);
        url.expect("the name of a server is that of a host")
    }

    /// The URL below which OAuth is served, with a slash at its end. There is none without
    /// `discovery.client_url`, because applications need to know it; and it must be the root of its
    /// host, because pages refer to each other by path.
    pub fn oauth_base(&self) -> Option<Url> {
        let url = self.discovery.client_url.as_ref().filter(|url| self.oauth.enabled && url.path() == "/")?;
        let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        (url.scheme() == "https" || is_local).then(|| url.clone())
    }

    /// The URL of the page on which people look after their accounts.
    pub fn account_page(&self) -> String {
        match &self.discovery.client_url {
            Some(url) => format!("{}/account", url.as_str().trim_end_matches('/')),
            None => format!("https://{}/account", self.server.name),
        }
    }

    /// Where the registrations of application services are: those that are configured, and what is put into
    /// the data directory.
    pub fn appservice_registrations(&self) -> Vec<PathBuf> {
        let usual = self.server.data_directory.join("appservices");
        let mut all = self.appservices.registrations.clone();
        if usual.is_dir() && !all.contains(&usual) {
            all.push(usual);
        }
        all
    }

    /// Where media are kept.
    pub fn media_directory(&self) -> PathBuf {
        self.media.directory.clone().unwrap_or_else(|| self.server.data_directory.join("media"))
    }

    /// Where the secret is kept with which programs register users.
    pub fn registration_secret_file(&self) -> PathBuf {
        self.registration
            .shared_secret_file
            .clone()
            .unwrap_or_else(|| self.server.data_directory.join("registration.secret"))
    }
}
