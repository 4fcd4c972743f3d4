//! Begins sessions and exchanges their tokens.

use std::time::Duration;

use ruma::{DeviceId, OwnedDeviceId, OwnedUserId};

use super::{ACCESS, Sessions, locked};
use crate::{
    Error, Result,
    audit::{Action, Event, Origin},
    secrets,
    storage::{
        Conn,
        accounts::{self, AccountState},
        devices,
        numbers::UserNid,
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

/// What became of a refresh token.
enum Exchange {
    Done(UserNid, Tokens),
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
                device_id.clone()
            }
            None => secrets::capitals(DEVICE_ID).into(),
        };
        devices::insert(tx, user, &device_id, request.display_name.as_deref(), self.clock.now_ms()).await?;
        let tokens = self.issue(tx, user, &device_id, request.is_refreshable, None).await?;
        Ok((device_id, tokens))
    }

    /// Exchanges a refresh token for new tokens. It stays good until one of them is used, so that a
    /// client that never received them can try again. Client-server API, "Refreshing access tokens".
    pub async fn refresh(&self, token: &str, origin: &Origin) -> Result<Tokens> {
        let hash = self.secrets.hash(REFRESH, token);
        let exchange = self
            .storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                let exchange = self.exchange(&mut tx, &hash).await?;
                tx.commit().await?;
                Ok(exchange)
            })
            .await?;
        match exchange {
            Exchange::Done(user, tokens) => {
                self.cache.forget(user);
                Ok(tokens)
            }
            Exchange::Leaked(user) => {
                self.cache.forget(user);
                let user_id = self.storage.user_id(user).await?;
                self.audit.record(Event::new(Action::TokenReused, origin).on(&user_id).failed("refresh_token_reused"));
                Err(Error::unknown_token("This refresh token was used before. Log in again.", true))
            }
        }
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

    async fn exchange(&self, tx: &mut Conn, hash: &TokenHash) -> Result<Exchange> {
        let Some(row) = tokens::lock_refresh(tx, hash).await? else {
            return Err(Error::unknown_token("This refresh token is not known.", false));
        };
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
            None | Some((_, AccountState::Deactivated)) => {
                return Err(Error::unknown_token("This refresh token is not known.", false));
            }
            Some((_, AccountState::Locked)) => return Err(locked()),
            Some(_) => {}
        }
        if let Some(exchanged) = &row.replaces {
            tokens::settle(tx, row.user, &row.device_id, exchanged, now_ms + SPENT_MS).await?;
        }
        tokens::delete_unused(tx, hash).await?;
        let tokens = self.issue(tx, row.user, &row.device_id, true, Some(hash)).await?;
        Ok(Exchange::Done(row.user, tokens))
    }

    async fn issue(
        &self,
        tx: &mut Conn,
        user: UserNid,
        device_id: &DeviceId,
        is_refreshable: bool,
        replaces: Option<&TokenHash>,
    ) -> Result<Tokens> {
        let now_ms = self.clock.now_ms();
        let lifetimes = &self.lifetimes;
        let lifetime_s =
            if is_refreshable { Some(lifetimes.refreshable_token_lifetime_s) } else { lifetimes.token_lifetime_s };
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
            tokens::insert(tx, new(&hash, TokenKind::Refresh, lifetimes.refresh_token_lifetime_s), now_ms).await?;
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
