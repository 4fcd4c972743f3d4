//! Begins sessions of people who have an account.

use std::{net::IpAddr, time::Duration};

use ruma::api::client::uiaa::AuthData;

use super::{
    Parts, User,
    appservices::AppService,
    credentials::Credentials,
    interactive_auth::{InteractiveAuth, Operation},
    sessions::{NewSession, SessionRequest, Sessions, locked},
};
use crate::{
    Error, Result,
    clock::Clock,
    error::ErrorKind,
    secrets::{self, Secrets},
    storage::{
        Storage,
        accounts::{self, AccountState},
        numbers::UserNid,
        tokens::{self, NewToken, TokenKind},
    },
};

/// What login tokens are hashed for.
const PURPOSE: &str = "login token";
/// How long a login token is good.
const TOKEN_LIFETIME: Duration = Duration::from_secs(120);

/// Logs people in.
#[derive(Clone, Debug)]
pub struct Login {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    credentials: Credentials,
    sessions: Sessions,
    interactive_auth: InteractiveAuth,
}

impl Login {
    /// Login to the accounts that `credentials` knows.
    pub fn new(
        parts: &Parts<'_>,
        credentials: Credentials,
        sessions: Sessions,
        interactive_auth: InteractiveAuth,
    ) -> Self {
        Self {
            storage: parts.storage.clone(),
            secrets: parts.secrets.clone(),
            clock: parts.clock.clone(),
            credentials,
            sessions,
            interactive_auth,
        }
    }

    /// Begins a session for who knows the password of `user`, a user ID or a localpart.
    pub async fn with_password(
        &self,
        user: &str,
        password: &str,
        address: IpAddr,
        request: &SessionRequest,
    ) -> Result<NewSession> {
        request.check()?;
        let account = self.credentials.find(user).await?;
        let proof = self.credentials.check(user, account.as_ref(), password, Some(address)).await?;
        match (account, proof) {
            (Some(account), Some(proof)) => self.begin(account.user, Some(&proof), request).await,
            (Some(account), None) if account.is_deactivated => Err(deactivated()),
            _ => Err(Error::forbidden("The user name or the password is wrong.")),
        }
    }

    /// Begins a session for who has a login token, which is used up by it.
    pub async fn with_token(&self, token: &str, request: &SessionRequest) -> Result<NewSession> {
        request.check()?;
        let hash = self.secrets.hash(PURPOSE, token);
        let mut conn = self.storage.conn().await?;
        let owner = tokens::take(&mut conn, &hash, TokenKind::Login, self.clock.now_ms()).await?;
        drop(conn);
        let user = owner.ok_or_else(|| Error::forbidden("This login token is not known, or not good any more."))?;
        self.begin(user, None, request).await
    }

    /// Begins a session of a user of an application service. `user` is a user ID or a localpart.
    pub async fn by_appservice(
        &self,
        service: &AppService,
        user: &str,
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
        self.begin(account.user, None, request).await
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
        Ok((token, TOKEN_LIFETIME))
    }

    /// Begins a session, provided that the account may be used, and that its password is still the
    /// one that was proved to be known.
    async fn begin(&self, user: UserNid, proof: Option<&str>, request: &SessionRequest) -> Result<NewSession> {
        let user_id = self.storage.user_id(user).await?;
        let (device_id, tokens) = self
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
            .await?;
        if request.device_id.is_some() {
            self.sessions.forget(user);
        }
        Ok(NewSession { user_id, device_id, tokens })
    }
}

fn deactivated() -> Error {
    Error::refused(ErrorKind::UserDeactivated, "This account has been deactivated.")
}
