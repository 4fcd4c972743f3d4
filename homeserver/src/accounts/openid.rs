//! OpenID tokens, by which third parties learn from this server who somebody is. They authenticate
//! nothing else. Client-server API, "OpenID".

use std::time::Duration;

use ruma::OwnedUserId;

use super::User;
use crate::{
    Error, Result,
    clock::Clock,
    secrets::{self, Secrets},
    storage::{
        Storage,
        numbers::UserNid,
        tokens::{self, NewToken, TokenKind},
    },
};

/// What OpenID tokens are hashed for.
const PURPOSE: &str = "openid token";
/// How long a token is good.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Issues OpenID tokens and tells whose they are.
#[derive(Clone, Debug)]
pub struct OpenId {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
}

impl OpenId {
    /// Tokens in `storage`.
    pub fn new(storage: Storage, secrets: Secrets, clock: Clock) -> Self {
        Self { storage, secrets, clock }
    }

    /// Issues a token that proves who `caller` is; returns how long it is good too.
    pub async fn issue(&self, caller: &User) -> Result<(String, Duration)> {
        let token = secrets::token("salon_openid_");
        let hash = self.secrets.hash(PURPOSE, &token);
        let now_ms = self.clock.now_ms();
        let lifetime_ms = i64::try_from(LIFETIME.as_millis()).expect("an hour is few milliseconds");
        let row = NewToken {
            hash: &hash,
            kind: TokenKind::OpenId,
            user: caller.nid,
            device_id: None,
            replaces: None,
            expires_at: Some(now_ms + lifetime_ms),
        };
        tokens::insert(&mut *self.storage.conn().await?, row, now_ms).await?;
        Ok((token, LIFETIME))
    }

    /// Whose a token is.
    pub async fn owner(&self, token: &str) -> Result<OwnedUserId> {
        let hash = self.secrets.hash(PURPOSE, token);
        let mut conn = self.storage.conn().await?;
        let owner: Option<UserNid> =
            tokens::find_owner(&mut conn, &hash, TokenKind::OpenId, self.clock.now_ms()).await?;
        drop(conn);
        let owner = owner.ok_or_else(|| Error::unknown_token("This OpenID token is not known.", false))?;
        self.storage.user_id(owner).await
    }
}
