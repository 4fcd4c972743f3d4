//! Local people and programs: who they are, how they prove it, and what the server keeps for them.

pub mod account_data;
pub mod administration;
pub mod app_passwords;
pub mod appservices;
pub mod browser_sessions;
pub mod captcha;
pub mod contacts;
pub mod credentials;
mod elsewhere;
pub mod emails;
pub mod factors;
pub mod filters;
pub mod followed;
pub mod identities;
pub mod ignored;
pub mod interactive_auth;
pub mod invitations;
pub mod login;
pub mod names;
pub mod oauth;
pub mod openid;
pub mod passwords;
pub mod personal_tokens;
pub mod profiles;
pub mod push_rules;
pub mod registration;
pub mod sessions;
pub mod terms;
mod tidying;
pub mod turns;

use std::{net::IpAddr, sync::Arc};

use ruma::{OwnedDeviceId, OwnedServerName, OwnedUserId};
use url::Url;

use self::{
    account_data::AccountData,
    administration::Administration,
    app_passwords::AppPasswords,
    appservices::{AppService, AppServices},
    browser_sessions::BrowserSessions,
    captcha::Captcha,
    contacts::Contacts,
    credentials::Credentials,
    emails::Emails,
    factors::Factors,
    filters::Filters,
    identities::Identities,
    ignored::Ignored,
    interactive_auth::InteractiveAuth,
    invitations::Invitations,
    login::Login,
    oauth::OAuth,
    openid::OpenId,
    passwords::Passwords,
    personal_tokens::PersonalTokens,
    profiles::Profiles,
    push_rules::PushRules,
    registration::Registration,
    sessions::Sessions,
    terms::Terms,
};
use crate::{
    Result,
    access::{Access, Visitor},
    audit::{Actor, Audit, Origin},
    clock::Clock,
    config,
    mail::Mail,
    metrics::Metrics,
    secrets::Secrets,
    storage::{
        Storage,
        account_marks::Pace,
        accounts::{Account, AccountKind},
        numbers::UserNid,
        session_origins::SessionKind,
    },
    tail::{Log, Tail},
    tasks::Tasks,
};

/// An authenticated caller.
#[derive(Clone, Debug)]
pub struct User {
    /// The user ID.
    pub id: OwnedUserId,
    /// Its number.
    pub nid: UserNid,
    /// The device of the session; none for application services that act without one.
    pub device_id: Option<OwnedDeviceId>,
    /// Whether it is a guest.
    pub is_guest: bool,
    /// Whether it is a server administrator.
    pub is_admin: bool,
    /// Whether it is that only by the word of the application service that acts as it.
    pub is_vouched_for: bool,
    /// Whether it may read, but not act.
    pub is_suspended: bool,
    /// Whether what it says goes nowhere, which it is not told.
    pub is_shadow_banned: bool,
    /// How often it may act, if that is not as configured.
    pub pace: Option<Pace>,
    /// From where the request came.
    pub origin: Origin,
    /// How the session began.
    pub session: SessionKind,
    /// Whether the session may read, but not act.
    pub is_read_only: bool,
    /// The application service that acts as the user.
    pub appservice: Option<Arc<AppService>>,
    /// When its events are said to be sent, in ms since the epoch; now, if none. Only application
    /// services can say so.
    pub origin_server_ts: Option<i64>,
}

impl From<&User> for Actor {
    fn from(user: &User) -> Self {
        let service = user.appservice.as_deref().map(|service| &*service.id);
        let is_admin = user.is_admin && !user.is_vouched_for;
        Self::user(&user.id, user.device_id.clone(), &user.origin).as_admin(is_admin).through(service)
    }
}

impl User {
    /// The owner of an account, who acts from `origin` without a session.
    pub fn of_account(account: Account, origin: Origin) -> Self {
        Self {
            id: account.user_id,
            nid: account.user,
            device_id: None,
            is_guest: account.kind == AccountKind::Guest,
            is_admin: account.is_admin,
            is_vouched_for: false,
            is_suspended: account.is_suspended,
            is_shadow_banned: false,
            pace: None,
            origin,
            session: SessionKind::Legacy,
            is_read_only: false,
            appservice: None,
            origin_server_ts: None,
        }
    }

    /// Whether it may act as often as it likes: because administrators said so, or as application
    /// services may. Application service API, "Registration", `rate_limited`.
    pub fn is_unlimited(&self) -> bool {
        if self.pace.is_some_and(|pace| pace.per_second == 0) {
            return true;
        }
        let is_limited = |service: &Arc<AppService>| service.is_rate_limited && service.sender != self.id;
        self.appservice.as_ref().is_some_and(|service| !is_limited(service))
    }

    /// How often it may send, if that is not as configured.
    pub fn message_limit(&self) -> Option<config::Limit> {
        let limit = |pace: Pace| config::Limit { burst: pace.burst, per_second: f64::from(pace.per_second) };
        self.pace.map(limit)
    }

    /// The client's address; none where an application service acts, behind which others are.
    pub fn address(&self) -> Option<IpAddr> {
        self.appservice.is_none().then_some(self.origin.address)
    }

    /// The caller as access rules see it.
    pub fn visitor(&self) -> Visitor<'_> {
        Visitor { user: Some((&self.id, self.nid)), address: self.address() }
    }

    /// The same user, whose events are said to be sent at another time, if they may say so.
    /// Application service API, "Timestamp massaging".
    #[must_use]
    pub fn at(mut self, origin_server_ts: Option<i64>) -> Self {
        self.origin_server_ts = origin_server_ts.filter(|_| self.appservice.is_some());
        self
    }
}

/// What accounts are built from.
#[derive(Debug)]
#[expect(missing_docs, reason = "each part is described where it is defined")]
pub struct Parts<'a> {
    pub storage: Storage,
    pub secrets: Secrets,
    pub clock: Clock,
    pub log: Log,
    pub tail: Tail,
    pub metrics: Metrics,
    pub tasks: &'a Tasks,
    pub audit: Audit,
    pub mail: Mail,
    pub mail_rules: &'a config::Mail,
    /// The URL at which this server is reached.
    pub base_url: Url,
    pub access: &'a Access,
    pub server_name: OwnedServerName,
    pub registration: &'a config::Registration,
    /// The secret with which scripts create accounts.
    pub registration_secret: config::Hidden,
    pub passwords: &'a config::Passwords,
    /// The captcha that people solve who register.
    pub captcha: Option<Captcha>,
    pub terms: &'a [config::Terms],
    pub login: &'a config::Login,
    pub identity_providers: &'a [config::IdentityProvider],
    /// The URL of the page on which people look after their accounts.
    pub account_page: String,
    /// The URL below which OAuth is served, if it is.
    pub oauth_base: Option<url::Url>,
    pub oauth: &'a config::OAuth,
    pub sessions: &'a config::Sessions,
    /// Whether administrators may act as others.
    pub may_impersonate: bool,
    pub appservices: AppServices,
}

/// Accounts and sessions; clones share them.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each service is described where it is defined")]
pub struct Accounts {
    pub factors: Factors,
    pub app_passwords: AppPasswords,
    pub personal_tokens: PersonalTokens,
    pub sessions: Sessions,
    pub browser_sessions: BrowserSessions,
    pub identities: Identities,
    pub terms: Terms,
    pub oauth: OAuth,
    pub interactive_auth: InteractiveAuth,
    pub emails: Emails,
    pub contacts: Contacts,
    pub registration: Registration,
    pub login: Login,
    pub administration: Administration,
    pub openid: OpenId,
    pub profiles: Profiles,
    pub account_data: AccountData,
    pub filters: Filters,
    pub ignored: Ignored,
    pub invitations: Invitations,
    pub push_rules: PushRules,
    pub appservices: AppServices,
}

impl Accounts {
    /// Builds the services, each from those before it.
    pub fn new(parts: Parts<'_>) -> Result<Self> {
        tidying::start(parts.storage.clone(), parts.clock.clone(), parts.tasks);
        let passwords = Passwords::new(parts.passwords)?.measured(parts.metrics.clone());
        let emails = Emails::new(&parts);
        let terms = Terms::new(&parts)?;
        let factors = Factors::new(&parts, emails.clone());
        let sessions = Sessions::new(&parts);
        let app_passwords = AppPasswords::new(&parts, sessions.clone());
        let credentials = Credentials::new(&parts, passwords.clone(), factors.clone(), app_passwords.clone());
        let browser_sessions = BrowserSessions::new(&parts, credentials.clone(), factors.clone());
        let oauth = OAuth::new(&parts, sessions.clone(), emails.clone());
        let interactive_auth = InteractiveAuth::new(&parts, credentials.clone(), emails.clone(), terms.clone());
        let registration =
            Registration::new(&parts, passwords.clone(), sessions.clone(), emails.clone(), interactive_auth.clone())?;
        let identities = Identities::new(&parts, emails.clone(), browser_sessions.clone(), registration.clone());
        let login = Login::new(&parts, credentials, sessions.clone(), emails.clone(), interactive_auth.clone());
        let administration = Administration::new(
            &parts,
            passwords,
            sessions.clone(),
            registration.clone(),
            emails.clone(),
            interactive_auth.clone(),
        );
        elsewhere::watch(parts.storage.clone(), sessions.clone(), administration.clone(), parts.tasks);
        let Parts { storage, secrets, clock, audit, log, tail, server_name, appservices, .. } = parts;
        let account_data = AccountData::new(storage.clone(), log);
        Ok(Self {
            openid: OpenId::new(storage.clone(), secrets.clone(), clock.clone()),
            profiles: Profiles::new(storage.clone(), clock.clone(), server_name),
            ignored: ignored::follow(storage.clone(), tail.clone()),
            invitations: invitations::follow(storage.clone(), tail.clone()),
            push_rules: PushRules::new(storage.clone(), tail, account_data.clone()),
            account_data,
            personal_tokens: PersonalTokens::new(storage.clone(), clock.clone(), audit, sessions.clone()),
            filters: Filters::new(storage, secrets, clock),
            factors,
            app_passwords,
            sessions,
            contacts: Contacts::new(emails.clone(), interactive_auth.clone()),
            emails,
            browser_sessions,
            identities,
            terms,
            oauth,
            interactive_auth,
            registration,
            login,
            administration,
            appservices,
        })
    }
}
