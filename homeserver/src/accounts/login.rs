//! Begins sessions of people who have an account.

mod sso_target;

use std::time::Duration;

use ruma::{UserId, api::client::uiaa::AuthData};

pub use self::sso_target::SsoTarget;
use super::{
    Parts, User,
    appservices::AppService,
    browser_sessions::BrowserSession,
    credentials::{Credentials, Proof},
    emails::{Emails, Notice},
    factors::Factors,
    interactive_auth::{InteractiveAuth, Operation},
    sessions::{NewSession, Origin as Beginning, SessionRequest, Sessions, locked},
};
use crate::{
    Error, Result,
    access::{Visitor, gates::Gates},
    audit::{Action, Actor, Audit, Event, Origin},
    clock::Clock,
    error::ErrorKind,
    secrets::{self, Secrets},
    storage::{
        Storage,
        accounts::{self, AccountState},
        app_passwords, devices,
        numbers::UserNid,
        tokens::{self, NewToken, TokenKind},
    },
};

/// What login tokens are hashed for.
const PURPOSE: &str = "login token";
/// How long a login token is good.
const TOKEN_LIFETIME: Duration = Duration::from_secs(120);
/// So many characters are noted of a name that nobody has.
const LONGEST_NAME: usize = 100;
/// The same for one that a browser carries to a client at once: phones can take their time.
const SSO_TOKEN_LIFETIME: Duration = Duration::from_secs(60);

/// Logs people in.
#[derive(Clone, Debug)]
pub struct Login {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    audit: Audit,
    credentials: Credentials,
    factors: Factors,
    sessions: Sessions,
    emails: Emails,
    interactive_auth: InteractiveAuth,
    account_page: String,
    gates: Gates,
}

impl Login {
    /// Login to the accounts that `credentials` knows.
    pub fn new(
        parts: &Parts<'_>,
        credentials: Credentials,
        sessions: Sessions,
        emails: Emails,
        interactive_auth: InteractiveAuth,
    ) -> Self {
        Self {
            storage: parts.storage.clone(),
            secrets: parts.secrets.clone(),
            clock: parts.clock.clone(),
            audit: parts.audit.clone(),
            factors: credentials.factors().clone(),
            credentials,
            sessions,
            emails,
            interactive_auth,
            account_page: parts.account_page.clone(),
            gates: parts.access.gates.clone(),
        }
    }

    /// Begins a session for who knows the password of `user`, a user ID or a localpart.
    pub async fn with_password(
        &self,
        user: &str,
        password: &str,
        origin: &Origin,
        request: &SessionRequest,
    ) -> Result<NewSession> {
        request.check()?;
        let account = self.credentials.find(user).await?;
        let claimed = account.as_ref().map(|account| (&*account.user_id, account.user));
        // Asked before, so that nobody learns whether the password was right.
        self.gates.login(&Visitor { user: claimed, address: Some(origin.address) }).await?;
        let proof = self.credentials.prove(user, account.as_ref(), password, Some(origin.address)).await;
        if let Err(Error::Refused { kind: ErrorKind::LimitExceeded(_), .. }) = &proof {
            self.audit.record_lock_out("password", origin.into());
        }
        let proof = proof?;
        let Some(account) = account else {
            let unknown = Event::new(Action::SignIn, origin).failed("unknown_user").private("name", cut(user));
            self.audit.record(unknown);
            return Err(wrong());
        };
        let refused = |reason: &'static str, refusal: Error| {
            self.note_failure(&account.user_id, origin, reason);
            Err(refusal)
        };
        match proof {
            Proof::Wrong if account.is_deactivated => refused("deactivated", deactivated()),
            Proof::Wrong => refused("bad_password", wrong()),
            Proof::CodeMissing => refused("code_missing", self.code_missing()),
            Proof::CodeRefused(refusal) => refused("bad_code", refusal),
            Proof::Complete { password_hash } => {
                if self.factors.is_missing(account.user).await? {
                    return refused("factor_missing", self.factor_missing());
                }
                self.begin(account.user, Some(&password_hash), origin, "password", request).await
            }
            Proof::AppPassword { id } => {
                let request = SessionRequest { origin: Beginning::AppPassword(id), ..request.clone() };
                self.begin(account.user, None, origin, "app_password", &request).await
            }
        }
    }

    /// The same for who names the account by one of its e-mail addresses. It takes as long if there is
    /// none.
    pub async fn with_email(
        &self,
        address: &str,
        password: &str,
        origin: &Origin,
        request: &SessionRequest,
    ) -> Result<NewSession> {
        let name = match self.emails.find_owner(address).await? {
            Some(user) => self.storage.user_id(user).await?.to_string(),
            None => address.to_owned(),
        };
        self.with_password(&name, password, origin, request).await
    }

    fn note_failure(&self, user_id: &UserId, origin: &Origin, reason: &'static str) {
        self.audit.record(Event::new(Action::SignIn, origin).on(user_id).failed(reason));
    }

    /// Begins a session for who has a login token, which is used up by it.
    pub async fn with_token(&self, token: &str, origin: &Origin, request: &SessionRequest) -> Result<NewSession> {
        request.check()?;
        let hash = self.secrets.hash(PURPOSE, token);
        let mut conn = self.storage.conn().await?;
        let owner = tokens::take(&mut conn, &hash, TokenKind::Login, self.clock.now_ms()).await?;
        drop(conn);
        let Some(user) = owner else {
            self.audit.record(Event::new(Action::SignIn, origin).failed("bad_login_token"));
            return Err(Error::forbidden("This login token is not known, or not good any more."));
        };
        let user_id = self.storage.user_id(user).await?;
        self.gates.login(&Visitor { user: Some((&user_id, user)), address: Some(origin.address) }).await?;
        self.begin(user, None, origin, "token", request).await
    }

    /// Begins a session of a user of an application service. `user` is a user ID or a localpart.
    pub async fn by_appservice(
        &self,
        service: &AppService,
        user: &str,
        origin: &Origin,
        request: &SessionRequest,
    ) -> Result<NewSession> {
        request.check()?;
        let account = self.credentials.find(user).await?;
        let user_id = account.as_ref().map(|account| account.user_id.clone());
        if !user_id.is_some_and(|user_id| service.is_interested_in_user(&user_id)) {
            let message = "This user is not one of the application service's.";
            return Err(Error::refused(ErrorKind::Exclusive, message));
        }
        let account = account.ok_or_else(|| Error::forbidden("There is no such account."))?;
        let request = SessionRequest { origin: Beginning::AppService, ..request.clone() };
        self.begin(account.user, None, origin, "application_service", &request).await
    }

    /// Issues a token with which another client can log in once as `caller`; returns how long it is
    /// good too.
    pub async fn issue_token(&self, caller: &User, auth: Option<&AuthData>) -> Result<(String, Duration)> {
        self.interactive_auth.require(caller, auth, Operation::IssueLoginToken).await?;
        let token = self.insert_token(caller, TOKEN_LIFETIME).await?;
        self.audit.record(Event::new(Action::TokenCreated, caller).on(&caller.id).detail("kind", "login"));
        Ok((token, TOKEN_LIFETIME))
    }

    /// Issues a token for the client that sent somebody to the pages of this server.
    /// It is noted as the consent that the session's owner gave to `app`.
    pub async fn issue_sso_token(&self, session: &BrowserSession, app: &str) -> Result<String> {
        let token = self.insert_token(&session.user, SSO_TOKEN_LIFETIME).await?;
        self.audit.record(Event::new(Action::ConsentGiven, session).on(&session.user.id).detail("app", app));
        Ok(token)
    }

    async fn insert_token(&self, owner: &User, lifetime: Duration) -> Result<String> {
        let token = secrets::token("salon_login_");
        let hash = self.secrets.hash(PURPOSE, &token);
        let now_ms = self.clock.now_ms();
        let lifetime_ms = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        let row = NewToken {
            hash: &hash,
            kind: TokenKind::Login,
            user: owner.nid,
            device_id: None,
            replaces: None,
            expires_at: Some(now_ms.saturating_add(lifetime_ms)),
        };
        tokens::insert(&mut *self.storage.conn().await?, row, now_ms).await?;
        Ok(token)
    }

    /// Begins a session, provided that the account may be used, and that its password is still the
    /// one that was proved to be known.
    async fn begin(
        &self,
        user: UserNid,
        proof: Option<&str>,
        origin: &Origin,
        method: &'static str,
        request: &SessionRequest,
    ) -> Result<NewSession> {
        let user_id = self.storage.user_id(user).await?;
        let is_new = self.is_new(user, request).await?;
        let begun = self
            .storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                // Locked, so that no session outlives a change of the password that ends all sessions.
                let Some((password_hash, state)) = accounts::lock_shared(&mut tx, user).await? else {
                    return Err(Error::forbidden("There is no such account."));
                };
                match state {
                    AccountState::Deactivated => return Err(deactivated()),
                    AccountState::Locked => return Err(locked()),
                    AccountState::Active | AccountState::Suspended => {}
                }
                if proof.is_some() && proof != password_hash.as_deref() {
                    return Err(Error::forbidden("The password was changed a moment ago."));
                }
                if let Beginning::AppPassword(id) = &request.origin
                    && !app_passwords::update_used(&mut tx, user, id, self.clock.now_ms()).await?
                {
                    return Err(Error::forbidden("This app password was revoked a moment ago."));
                }
                let session = self.sessions.begin(&mut tx, user, request).await?;
                tx.commit().await?;
                Ok(session)
            })
            .await;
        if let Err(Error::Refused { .. }) = &begun {
            self.note_failure(&user_id, origin, "account_refused");
        }
        let (device_id, tokens) = begun?;
        if request.device_id.is_some() {
            self.sessions.forget(user);
        }
        let actor = Actor::user(&user_id, Some(device_id.clone()), origin);
        self.audit.record(Event::new(Action::SignIn, actor).on(&user_id).detail("method", method));
        if is_new {
            // Others see the device among those of the user, though it has no keys yet.
            self.sessions.announce(user).await?;
        }
        if is_new && self.emails.tell_of_sign_ins() {
            let agent = origin.user_agent.as_deref();
            let device = request.display_name.as_deref().or(agent).unwrap_or("-");
            let address = origin.address.to_string();
            self.emails.notify(user, &user_id, Notice::NewSignIn { device, address: &address }).await;
        }
        Ok(NewSession { user_id, device_id, tokens })
    }

    /// Tells somebody who knows the password what else is needed. Clients show it, or should.
    fn code_missing(&self) -> Error {
        let page = &self.account_page;
        let suffix = if self.credentials.take_codes() {
            "add the code of your authenticator app to the end of your password, "
        } else {
            ""
        };
        Error::forbidden(format!(
            "Two-factor authentication is on for this account. Log in through the browser, {suffix}or use an app \
             password: {page}"
        ))
    }

    fn factor_missing(&self) -> Error {
        let page = &self.account_page;
        Error::forbidden(format!(
            "This server wants two-factor authentication for this account. Turn it on, then log in again: {page}"
        ))
    }
}

impl Login {
    /// Whether the session is that of a device that was not there before.
    async fn is_new(&self, user: UserNid, request: &SessionRequest) -> Result<bool> {
        let Some(device_id) = &request.device_id else { return Ok(true) };
        Ok(devices::find(&mut *self.storage.conn().await?, user, device_id).await?.is_none())
    }
}

fn wrong() -> Error {
    Error::forbidden("The user name or the password is wrong.")
}

/// The beginning of a name that somebody made up.
fn cut(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}

pub(super) fn deactivated() -> Error {
    Error::refused(ErrorKind::UserDeactivated, "This account has been deactivated.")
}
