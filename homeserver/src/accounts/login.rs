//! Begins sessions of people who have an account.

use std::time::Duration;

use ruma::{UserId, api::client::uiaa::AuthData};

use super::{
    Parts, User,
    credentials::Credentials,
    emails::{Emails, Notice},
    interactive_auth::{InteractiveAuth, Operation},
    sessions::{NewSession, SessionRequest, Sessions, locked},
};
use crate::{
    Error, Result,
    audit::{Action, Actor, Audit, Event, Origin},
    clock::Clock,
    error::ErrorKind,
    secrets::{self, Secrets},
    storage::{
        Storage,
        accounts::{self, AccountState},
        devices,
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

/// Logs people in.
#[derive(Clone, Debug)]
pub struct Login {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    audit: Audit,
    credentials: Credentials,
    sessions: Sessions,
    emails: Emails,
    interactive_auth: InteractiveAuth,
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
            credentials,
            sessions,
            emails,
            interactive_auth,
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
        let proof = self.credentials.check(user, account.as_ref(), password, Some(origin.address)).await;
        if let Err(Error::Refused { kind: ErrorKind::LimitExceeded(_), .. }) = &proof {
            self.audit.record_lock_out("password", origin.into());
        }
        match (account, proof?) {
            (Some(account), Some(proof)) => self.begin(account.user, Some(&proof), origin, "password", request).await,
            (Some(account), None) if account.is_deactivated => {
                self.note_failure(&account.user_id, origin, "deactivated");
                Err(deactivated())
            }
            (Some(account), None) => {
                self.note_failure(&account.user_id, origin, "bad_password");
                Err(wrong())
            }
            (None, _) => {
                let unknown = Event::new(Action::SignIn, origin).failed("unknown_user").private("name", cut(user));
                self.audit.record(unknown);
                Err(wrong())
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
        self.begin(user, None, origin, "token", request).await
    }

    /// Issues a token with which another client can log in once as `caller`; returns how long it is
    /// good too.
    pub async fn issue_token(&self, caller: &User, auth: Option<&AuthData>) -> Result<(String, Duration)> {
        self.interactive_auth.require(caller, auth, Operation::IssueLoginToken).await?;
        let token = secrets::token("salon_login_");
        let hash = self.secrets.hash(PURPOSE, &token);
        let now_ms = self.clock.now_ms();
        let lifetime_ms = i64::try_from(TOKEN_LIFETIME.as_millis()).expect("two minutes are few milliseconds");
        let row = NewToken {
            hash: &hash,
            kind: TokenKind::Login,
            user: caller.nid,
            device_id: None,
            replaces: None,
            expires_at: Some(now_ms + lifetime_ms),
        };
        tokens::insert(&mut *self.storage.conn().await?, row, now_ms).await?;
        self.audit.record(Event::new(Action::TokenCreated, caller).on(&caller.id).detail("kind", "login"));
        Ok((token, TOKEN_LIFETIME))
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
        let is_new = self.emails.tell_of_sign_ins() && self.is_new(user, request).await?;
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
            let agent = origin.user_agent.as_deref();
            let device = request.display_name.as_deref().or(agent).unwrap_or("-");
            let address = origin.address.to_string();
            self.emails.notify(user, &user_id, Notice::NewSignIn { device, address: &address }).await;
        }
        Ok(NewSession { user_id, device_id, tokens })
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

fn deactivated() -> Error {
    Error::refused(ErrorKind::UserDeactivated, "This account has been deactivated.")
}
