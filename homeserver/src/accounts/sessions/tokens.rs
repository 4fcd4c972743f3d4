//! Begins sessions and exchanges their tokens.

use std::time::Duration;

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId};
use zeroize::Zeroizing;

use super::{ACCESS, Sessions, locked};
use crate::{
    Error, Result,
    audit::{self, Action, Event},
    secrets,
    storage::{
        Conn,
        accounts::{self, AccountState},
        devices,
        numbers::UserNid,
        oauth, personal_tokens,
        session_origins::{self, SessionKind},
        tokens::{self, NewToken, TokenHash, TokenKind},
    },
};

/// What refresh tokens are hashed for.
const REFRESH: &str = "refresh token";
/// Letters of a device ID that this server gives.
const DEVICE_ID: usize = 10;
/// Most bytes of a device ID.
const LONGEST_ID: usize = 255;
/// Most bytes of a device's name.
const LONGEST_NAME: usize = 1024;
/// How long a spent refresh token is remembered, in milliseconds, to notice when it turns up again.
const SPENT_MS: i64 = 7 * 24 * 3600 * 1000;

/// What a client wants of a session that begins.
#[derive(Clone, Debug, Default)]
pub struct SessionRequest {
    /// The device to go on with, or a name for a new one.
    pub device_id: Option<OwnedDeviceId>,
    /// How the device is called if it is new.
    pub display_name: Option<String>,
    /// Whether the client can refresh its access token.
    pub is_refreshable: bool,
    /// How the session begins.
    pub origin: Origin,
}

/// How a session begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// By password, login token or registration.
    #[default]
    Legacy,
    /// By the app password with this ID.
    AppPassword(String),
    /// By OAuth.
    OAuth,
    /// By an application service.
    AppService,
}

impl Origin {
    fn columns(&self) -> (SessionKind, Option<&str>) {
        match self {
            Self::Legacy => (SessionKind::Legacy, None),
            Self::AppPassword(id) => (SessionKind::AppPassword, Some(id)),
            Self::OAuth => (SessionKind::OAuth, None),
            Self::AppService => (SessionKind::AppService, None),
        }
    }
}

/// A session that was just begun.
pub struct NewSession {
    /// Whose it is.
    pub user_id: OwnedUserId,
    /// Its device.
    pub device_id: OwnedDeviceId,
    /// What authenticates it.
    pub tokens: Tokens,
}

/// The tokens of a session, which are known only when they are made.
pub struct Tokens {
    /// Authenticates requests.
    pub access: String,
    /// Is exchanged for a new access token.
    pub refresh: Option<String>,
    /// How long the access token is good.
    pub expires_in: Option<Duration>,
}

/// What a refresh token was exchanged for.
pub(in crate::accounts) struct Refreshed {
    /// The new tokens.
    pub(in crate::accounts) tokens: Tokens,
    /// What they are good for, if they are an application's.
    pub(in crate::accounts) scope: String,
}

/// What became of a refresh token.
enum Exchange {
    Done(UserNid, Refreshed),
    /// It had been used before, and so had what it was exchanged for.
    Leaked(UserNid),
}

/// Refuses a name that no device can have.
pub(crate) fn check_device_name(name: &str) -> Result<()> {
    if name.len() > LONGEST_NAME {
        return Err(Error::invalid_param(format!("A device's name has at most {LONGEST_NAME} bytes.")));
    }
    Ok(())
}

impl SessionRequest {
    /// Refuses what no device can be called.
    pub fn check(&self) -> Result<()> {
        if let Some(device_id) = &self.device_id {
            let length = device_id.as_str().len();
            if length == 0 || length > LONGEST_ID {
                return Err(Error::invalid_param(format!("A device ID has 1 to {LONGEST_ID} bytes.")));
            }
        }
        self.display_name.as_deref().map_or(Ok(()), check_device_name)
    }
}

impl Sessions {
    /// Begins a session of `user` inside a transaction. If the device was there before, its tokens are
    /// good no longer: call [`Sessions::forget`] after the commit.
    pub(in crate::accounts) async fn begin(
        &self,
        tx: &mut Conn,
        user: UserNid,
        request: &SessionRequest,
    ) -> Result<(OwnedDeviceId, Tokens)> {
        let device_id = match &request.device_id {
            Some(device_id) => {
                tokens::delete_of_device(tx, user, device_id).await?;
                personal_tokens::delete(tx, user, device_id).await?;
                device_id.clone()
            }
            None => secrets::capitals(DEVICE_ID).into(),
        };
        devices::insert(tx, user, &device_id, request.display_name.as_deref(), self.clock.now_ms()).await?;
        let (kind, app_password_id) = request.origin.columns();
        session_origins::upsert(tx, user, &device_id, kind, app_password_id).await?;
        // Where an application was let in on this device before, it is not any more.
        oauth::sessions::delete(tx, user, &device_id).await?;
        let lifetime_s = self.access_lifetime(request.is_refreshable, kind == SessionKind::OAuth);
        let tokens = self.issue(tx, user, &device_id, request.is_refreshable, lifetime_s, None).await?;
        Ok((device_id, tokens))
    }

    /// Begins the session of a personal access token inside a transaction.
    pub(in crate::accounts) async fn begin_personal(
        &self,
        tx: &mut Conn,
        user: UserNid,
        label: &str,
        expires_at: Option<i64>,
    ) -> Result<(OwnedDeviceId, Zeroizing<String>)> {
        let now_ms = self.clock.now_ms();
        let device_id: OwnedDeviceId = secrets::capitals(DEVICE_ID).into();
        devices::insert(tx, user, &device_id, Some(label), now_ms).await?;
        session_origins::upsert(tx, user, &device_id, SessionKind::PersonalToken, None).await?;
        let token = Zeroizing::new(secrets::token("salon_pat_"));
        let row = NewToken {
            hash: &self.secrets.hash(ACCESS, &token),
            kind: TokenKind::Access,
            user,
            device_id: Some(&device_id),
            replaces: None,
            expires_at,
        };
        tokens::insert(tx, row, now_ms).await?;
        Ok((device_id, token))
    }

    /// Exchanges a refresh token for new tokens. It stays good until one of them is used, so that a
    /// client that never received them can try again. Client-server API, "Refreshing access tokens".
    pub async fn refresh(&self, token: &str, origin: &audit::Origin) -> Result<Tokens> {
        self.refresh_by(token, None, origin).await.map(|refreshed| refreshed.tokens)
    }

    /// The same for a session that the application `client_id` began by OAuth, and only for such.
    pub(in crate::accounts) async fn refresh_by_oauth(
        &self,
        token: &str,
        client_id: &str,
        origin: &audit::Origin,
    ) -> Result<Refreshed> {
        self.refresh_by(token, Some(client_id), origin).await
    }

    async fn refresh_by(&self, token: &str, client_id: Option<&str>, origin: &audit::Origin) -> Result<Refreshed> {
        let hash = self.secrets.hash(REFRESH, token);
        let exchange = self
            .storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                let exchange = self.exchange(&mut tx, &hash, client_id).await?;
                tx.commit().await?;
                Ok(exchange)
            })
            .await?;
        match exchange {
            Exchange::Done(user, refreshed) => {
                self.cache.forget(user);
                Ok(refreshed)
            }
            Exchange::Leaked(user) => {
                self.cache.forget(user);
                let user_id = self.storage.user_id(user).await?;
                self.audit.record(Event::new(Action::TokenReused, origin).on(&user_id).failed("refresh_token_reused"));
                Err(Error::unknown_token("This refresh token was used before. Log in again.", true))
            }
        }
    }

    /// The session of an access or refresh token that an application got by OAuth.
    pub(in crate::accounts) async fn find_by_oauth(&self, token: &str) -> Result<Option<(UserNid, OwnedDeviceId)>> {
        let mut conn = self.storage.conn().await?;
        for purpose in [ACCESS, REFRESH] {
            let found = tokens::find_device(&mut conn, &self.secrets.hash(purpose, token)).await?;
            if let Some((user, device_id)) = found
                && oauth::sessions::find(&mut conn, user, &device_id).await?.is_some()
            {
                return Ok(Some((user, device_id)));
            }
        }
        Ok(None)
    }

    /// Settles the exchange of the refresh token `exchanged`, whose outcome is being used.
    pub(super) async fn settle(&self, user: UserNid, device_id: &DeviceId, exchanged: &TokenHash) -> Result<()> {
        let forget_at = self.clock.now_ms() + SPENT_MS;
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                tokens::settle(&mut tx, user, device_id, exchanged, forget_at).await?;
                Ok(tx.commit().await?)
            })
            .await?;
        self.cache.forget(user);
        Ok(())
    }

    async fn exchange(&self, tx: &mut Conn, hash: &TokenHash, client_id: Option<&str>) -> Result<Exchange> {
        let unknown = || Error::unknown_token("This refresh token is not known.", false);
        let row = tokens::lock_refresh(tx, hash).await?.ok_or_else(unknown)?;
        // Client-server API, "Client Authentication": the two APIs do not mix.
        let application = oauth::sessions::find(tx, row.user, &row.device_id).await?;
        if application.as_ref().map(|session| session.client_id.as_str()) != client_id {
            return Err(unknown());
        }
        let now_ms = self.clock.now_ms();
        if row.is_spent {
            // Somebody else has it: nobody can tell who is the rightful one, so both log in again.
            tokens::delete_unspent(tx, row.user, &row.device_id).await?;
            return Ok(Exchange::Leaked(row.user));
        }
        if row.expires_at.is_some_and(|expiry| expiry <= now_ms) {
            return Err(Error::unknown_token("This refresh token has expired.", true));
        }
        match accounts::lock_shared(tx, row.user).await? {
            None | Some((_, AccountState::Deactivated)) => return Err(unknown()),
            // An application that is refused here takes itself for logged out for good. So it gets its
            // tokens, and is told with each request that the account is locked.
            Some((_, AccountState::Locked)) if client_id.is_none() => return Err(locked()),
            Some(_) => {}
        }
        if let Some(exchanged) = &row.replaces {
            tokens::settle(tx, row.user, &row.device_id, exchanged, now_ms + SPENT_MS).await?;
        }
        tokens::delete_unused(tx, hash).await?;
        let lifetime_s = self.access_lifetime(true, application.is_some());
        let tokens = self.issue(tx, row.user, &row.device_id, true, lifetime_s, Some(hash)).await?;
        let scope = application.map(|session| session.scope).unwrap_or_default();
        Ok(Exchange::Done(row.user, Refreshed { tokens, scope }))
    }

    /// How long an access token is good, in seconds; none means until the session ends.
    fn access_lifetime(&self, is_refreshable: bool, is_oauth: bool) -> Option<u64> {
        match (is_refreshable, is_oauth) {
            (_, true) => Some(self.lifetimes.oauth_token_lifetime_s),
            (true, false) => Some(self.lifetimes.refreshable_token_lifetime_s),
            (false, false) => self.lifetimes.token_lifetime_s,
        }
    }

    async fn issue(
        &self,
        tx: &mut Conn,
        user: UserNid,
        device_id: &DeviceId,
        is_refreshable: bool,
        lifetime_s: Option<u64>,
        replaces: Option<&TokenHash>,
    ) -> Result<Tokens> {
        let now_ms = self.clock.now_ms();
        let new = |hash, kind, lifetime_s: Option<u64>| NewToken {
            hash,
            kind,
            user,
            device_id: Some(device_id),
            replaces,
            expires_at: lifetime_s.map(|seconds| after(now_ms, seconds)),
        };

        let access = secrets::token("salon_");
        let hash = self.secrets.hash(ACCESS, &access);
        tokens::insert(tx, new(&hash, TokenKind::Access, lifetime_s), now_ms).await?;
        let mut refresh = None;
        if is_refreshable {
            let token = secrets::token("salon_refresh_");
            let hash = self.secrets.hash(REFRESH, &token);
            tokens::insert(tx, new(&hash, TokenKind::Refresh, self.lifetimes.refresh_token_lifetime_s), now_ms).await?;
            refresh = Some(token);
        }
        Ok(Tokens { access, refresh, expires_in: lifetime_s.map(Duration::from_secs) })
    }
}

/// The time so many seconds after `now_ms`.
fn after(now_ms: i64, seconds: u64) -> i64 {
    let milliseconds = i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
    now_ms.saturating_add(milliseconds)
}
