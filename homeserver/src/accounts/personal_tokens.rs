//! Personal access tokens: access tokens that people make for their programs, each with a device of
//! its own. They confirm nothing: what needs user-interactive authentication is refused to them.

use std::time::Duration;

use ruma::{DeviceId, OwnedDeviceId, UserId};
use zeroize::Zeroizing;

use super::{app_passwords::checked_label, login, sessions::Sessions};
use crate::{
    Error, Result,
    audit::{Action, Actor, Audit, Event},
    clock::Clock,
    storage::{
        Storage,
        accounts::{self, AccountState},
        numbers::UserNid,
        personal_tokens::{self as rows, PersonalTokenRow},
    },
};

pub use crate::storage::personal_tokens::Scope;

/// Most personal access tokens of one user.
const MOST: i64 = 100;

/// Makes and revokes personal access tokens.
#[derive(Clone, Debug)]
pub struct PersonalTokens {
    storage: Storage,
    clock: Clock,
    audit: Audit,
    sessions: Sessions,
}

/// What somebody wants of a token.
#[derive(Clone, Debug)]
pub struct PersonalTokenRequest {
    /// What its owner calls it; its device too.
    pub label: String,
    /// How long it is good; none means until it is revoked.
    pub lifetime: Option<Duration>,
    /// What it is good for.
    pub scope: Scope,
}

/// A token that was just made.
pub struct NewPersonalToken {
    /// Its device, by which its owner revokes it.
    pub device_id: OwnedDeviceId,
    /// The token itself, to be seen once.
    pub token: Zeroizing<String>,
}

/// What is known of a token later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalToken {
    /// Its device, by which its owner revokes it.
    pub device_id: OwnedDeviceId,
    /// What its owner calls it.
    pub label: String,
    /// What it is good for.
    pub scope: Scope,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it ends.
    pub expires_at_ms: Option<i64>,
    /// When it was last used, more or less.
    pub last_used_at_ms: Option<i64>,
}

fn about(action: Action, by: impl Into<Actor>, owner: &UserId, device_id: &DeviceId) -> Event {
    let event = Event::new(action, by).on(owner);
    event.detail("kind", "personal").detail("device", device_id.as_str())
}

impl PersonalTokens {
    /// The tokens in `storage`.
    pub fn new(storage: Storage, clock: Clock, audit: Audit, sessions: Sessions) -> Self {
        Self { storage, clock, audit, sessions }
    }

    /// Makes a token.
    pub async fn create(
        &self,
        by: impl Into<Actor>,
        user: UserNid,
        request: &PersonalTokenRequest,
    ) -> Result<NewPersonalToken> {
        let by = by.into();
        let label = checked_label(&request.label)?;
        let lifetime_ms = request.lifetime.map(|lifetime| i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX));
        if lifetime_ms.is_some_and(|lifetime_ms| lifetime_ms == 0) {
            return Err(Error::invalid_param("A token has to be good for some time."));
        }
        let user_id = self.storage.user_id(user).await?;
        self.storage
            .retry(|| async {
                let now_ms = self.clock.now_ms();
                let expires_at = lifetime_ms.map(|lifetime_ms| now_ms.saturating_add(lifetime_ms));
                let mut tx = self.storage.begin().await?;
                match accounts::lock_shared(&mut tx, user).await? {
                    Some((_, AccountState::Active | AccountState::Suspended)) => {}
                    _ => return Err(login::deactivated()),
                }
                if rows::count(&mut tx, user).await? >= MOST {
                    return Err(Error::forbidden(format!("Nobody has more than {MOST} tokens. Revoke some first.")));
                }
                let (device_id, token) = self.sessions.begin_personal(&mut tx, user, label, expires_at).await?;
                let row = PersonalTokenRow {
                    device_id: device_id.clone(),
                    label: label.to_owned(),
                    scope: request.scope,
                    expires_at,
                    last_seen_at: None,
                    created_at: now_ms,
                };
                rows::insert(&mut tx, user, &row).await?;
                self.audit.append(&mut tx, [about(Action::TokenCreated, by.clone(), &user_id, &device_id)]).await?;
                tx.commit().await?;
                Ok(NewPersonalToken { device_id, token })
            })
            .await
    }

    /// Lists a user's tokens, the oldest first; those that have expired too.
    pub async fn list(&self, user: UserNid) -> Result<Vec<PersonalToken>> {
        let rows = rows::list(&mut *self.storage.conn().await?, user).await?;
        let token = |row: PersonalTokenRow| PersonalToken {
            device_id: row.device_id,
            label: row.label,
            scope: row.scope,
            created_at_ms: row.created_at,
            expires_at_ms: row.expires_at,
            last_used_at_ms: row.last_seen_at,
        };
        Ok(rows.into_iter().map(token).collect())
    }

    /// Revokes a token and deletes its device.
    pub async fn revoke(&self, by: impl Into<Actor>, user: UserNid, device_id: OwnedDeviceId) -> Result<()> {
        if !rows::exists(&mut *self.storage.conn().await?, user, &device_id).await? {
            return Err(Error::not_found("There is no such token."));
        }
        let user_id = self.storage.user_id(user).await?;
        let by = by.into();
        self.audit.record(about(Action::TokenRevoked, by.clone(), &user_id, &device_id));
        self.sessions.end(by, user, &[device_id]).await
    }
}
