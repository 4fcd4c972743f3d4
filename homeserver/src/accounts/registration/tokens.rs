//! Registration tokens: who has one may register. Client-server API, "Token-authenticated
//! registration".

use std::time::Duration;

use super::Registration;
use crate::{
    Error, Result,
    access::rulebook,
    audit::{Action, Actor, Event},
    secrets::{self, columns, hex},
    storage::{
        fault,
        registration_tokens::{self, RegistrationTokenRow},
        tokens::TokenHash,
    },
};

/// What registration tokens are hashed for.
pub(in crate::accounts) const TOKEN_PURPOSE: &str = rulebook::TOKEN_PURPOSE;
/// Most characters of a token.
const LONGEST: usize = 64;
/// Characters of a generated token.
const GENERATED: usize = 16;

/// A registration token to be created.
#[derive(Clone, Default)]
pub struct NewRegistrationToken {
    /// The token; none means a random one.
    pub token: Option<String>,
    /// How often it may be used; none means any number of times.
    pub uses_allowed: Option<u32>,
    /// How long it is good; none means for ever.
    pub lifetime: Option<Duration>,
}

/// A registration token as it is now.
#[derive(Clone)]
pub struct RegistrationToken {
    /// The token.
    pub token: String,
    /// How often it may be used.
    pub uses_allowed: Option<u32>,
    /// How often it was used.
    pub uses: u32,
    /// Until when it is good, in milliseconds since the epoch.
    pub expires_at: Option<i64>,
}

impl Registration {
    /// Creates a registration token and returns it.
    pub async fn create_token(&self, by: impl Into<Actor>, new: NewRegistrationToken) -> Result<String> {
        let token = new.token.unwrap_or_else(|| secrets::identifier(GENERATED));
        // Appendices, "Opaque Identifiers".
        let is_opaque = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        if token.is_empty() || token.len() > LONGEST || !token.chars().all(is_opaque) {
            let message = format!("A registration token has 1 to {LONGEST} letters, digits and - . _ ~.");
            return Err(Error::invalid_param(message));
        }
        let hash = self.token_hash(&token);
        let now_ms = self.clock.now_ms();
        let lifetime_ms = new.lifetime.map(|lifetime| i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX));
        let row = RegistrationTokenRow {
            token_hash: hash,
            token: self.secrets.seal(&columns::REGISTRATION_TOKEN, &[&hex(&hash)], token.as_bytes()),
            uses_allowed: new.uses_allowed.map(|uses| i32::try_from(uses).unwrap_or(i32::MAX)),
            uses: 0,
            expires_at: lifetime_ms.map(|lifetime_ms| now_ms.saturating_add(lifetime_ms)),
        };
        let mut tx = self.storage.begin().await?;
        match registration_tokens::insert(&mut tx, &row, now_ms).await {
            Err(error) if fault::is_duplicate(&error) => {
                return Err(Error::invalid_param("There is such a token already."));
            }
            outcome => outcome?,
        }
        self.audit.append(&mut tx, [about(Action::TokenCreated, by, &hash)]).await?;
        tx.commit().await?;
        Ok(token)
    }

    /// Lists all registration tokens.
    pub async fn list_tokens(&self) -> Result<Vec<RegistrationToken>> {
        let rows = registration_tokens::list(&mut *self.storage.conn().await?).await?;
        let token = |row: RegistrationTokenRow| {
            Ok(RegistrationToken {
                token: self.secrets.open_text(&columns::REGISTRATION_TOKEN, &[&hex(&row.token_hash)], &row.token)?,
                uses_allowed: row.uses_allowed.map(i32::unsigned_abs),
                uses: row.uses.unsigned_abs(),
                expires_at: row.expires_at,
            })
        };
        rows.into_iter().map(token).collect()
    }

    /// The registration token `token`.
    pub async fn find_token(&self, token: &str) -> Result<RegistrationToken> {
        let found = self.list_tokens().await?.into_iter().find(|known| known.token == token);
        found.ok_or_else(|| Error::not_found("There is no such registration token."))
    }

    /// Changes how often and until when `changed` is good.
    pub async fn update_token(&self, by: impl Into<Actor>, changed: &RegistrationToken) -> Result<()> {
        let hash = self.token_hash(&changed.token);
        let uses_allowed = changed.uses_allowed.map(|uses| i32::try_from(uses).unwrap_or(i32::MAX));
        let mut tx = self.storage.begin().await?;
        registration_tokens::update(&mut tx, &hash, uses_allowed, changed.expires_at).await?;
        self.audit.append(&mut tx, [about(Action::AdminActed, by, &hash).detail("what", "token.change")]).await?;
        Ok(tx.commit().await?)
    }

    /// Whether a registration token is good now.
    pub fn is_good(&self, token: &RegistrationToken) -> bool {
        let is_left = token.uses_allowed.is_none_or(|allowed| token.uses < allowed);
        is_left && token.expires_at.is_none_or(|expiry| expiry > self.clock.now_ms())
    }

    /// Makes a registration token void; returns whether there was such a token.
    pub async fn delete_token(&self, by: impl Into<Actor>, token: &str) -> Result<bool> {
        let hash = self.token_hash(token);
        let mut tx = self.storage.begin().await?;
        let was_there = registration_tokens::delete(&mut tx, &hash).await?;
        if was_there {
            self.audit.append(&mut tx, [about(Action::TokenRevoked, by, &hash)]).await?;
        }
        tx.commit().await?;
        Ok(was_there)
    }

    /// Whether somebody could register with `token` now.
    pub async fn is_token_valid(&self, token: &str) -> Result<bool> {
        self.check_open()?;
        let hash = self.token_hash(token);
        registration_tokens::is_valid(&mut *self.storage.conn().await?, &hash, self.clock.now_ms()).await
    }

    /// The hash under which `token` is stored.
    fn token_hash(&self, token: &str) -> TokenHash {
        self.secrets.hash(TOKEN_PURPOSE, token)
    }
}

/// A token is told of by the beginning of its hash.
fn about(action: Action, by: impl Into<Actor>, hash: &TokenHash) -> Event {
    Event::new(action, by).detail("kind", "registration").detail("token", hex(&hash[..8]))
}
