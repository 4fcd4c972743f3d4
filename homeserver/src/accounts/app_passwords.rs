//! App passwords: for programs that know nothing but a user name and a password. One logs in without
//! the second factor and proves nothing else, so whoever finds it cannot take over the account.

use ruma::{OwnedDeviceId, UserId};
use zeroize::Zeroizing;

use super::{Parts, sessions::Sessions};
use crate::{
    Error, Result,
    audit::{Action, Actor, Audit, Event},
    clock::Clock,
    secrets::{self, Secrets},
    storage::{
        Storage, app_passwords as rows,
        numbers::UserNid,
        session_origins::{self, SessionKind},
    },
};

/// What app passwords are hashed for.
const PURPOSE: &str = "app password";
/// How app passwords begin.
const PREFIX: &str = "salon_app_";
/// Characters after that: 160 bits, without those that look like others.
const LENGTH: usize = 32;
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Most app passwords of one user.
const MOST: i64 = 100;
/// Most characters of a label.
const LONGEST_LABEL: usize = 100;

/// Makes and revokes app passwords.
#[derive(Clone, Debug)]
pub struct AppPasswords {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    audit: Audit,
    sessions: Sessions,
}

/// An app password that was just made.
pub struct NewAppPassword {
    /// By what its owner revokes it.
    pub id: String,
    /// The password itself, to be seen once.
    pub password: Zeroizing<String>,
}

/// What is known of an app password later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppPassword {
    /// By what its owner revokes it.
    pub id: String,
    /// What its owner calls it.
    pub label: String,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it last logged in.
    pub last_used_at_ms: Option<i64>,
}

/// The label that somebody wants, without spaces around it.
pub(super) fn checked_label(label: &str) -> Result<&str> {
    let label = label.trim();
    if label.is_empty() || label.chars().count() > LONGEST_LABEL || label.chars().any(char::is_control) {
        return Err(Error::invalid_param(format!("A name of 1 to {LONGEST_LABEL} characters is needed.")));
    }
    Ok(label)
}

fn about(action: Action, by: impl Into<Actor>, owner: &UserId, id: &str) -> Event {
    Event::new(action, by).on(owner).detail("kind", "app_password").detail("id", id)
}

impl AppPasswords {
    /// The app passwords in `storage`.
    pub fn new(parts: &Parts<'_>, sessions: Sessions) -> Self {
        Self {
            storage: parts.storage.clone(),
            secrets: parts.secrets.clone(),
            clock: parts.clock.clone(),
            audit: parts.audit.clone(),
            sessions,
        }
    }

    /// Makes an app password, which its owner calls `label`.
    pub async fn create(&self, by: impl Into<Actor>, user: UserNid, label: &str) -> Result<NewAppPassword> {
        let label = checked_label(label)?;
        let mut conn = self.storage.conn().await?;
        if rows::count(&mut conn, user).await? >= MOST {
            return Err(Error::forbidden(format!("Nobody has more than {MOST} app passwords. Revoke some first.")));
        }
        let password = Zeroizing::new(format!("{PREFIX}{}", secrets::text(LENGTH, ALPHABET)));
        let id = secrets::identifier(16);
        rows::insert(&mut conn, user, &id, &self.hash(&password), label, self.clock.now_ms()).await?;
        drop(conn);
        let user_id = self.storage.user_id(user).await?;
        self.audit.record(about(Action::TokenCreated, by, &user_id, &id));
        Ok(NewAppPassword { id, password })
    }

    /// Lists a user's app passwords, the oldest first.
    pub async fn list(&self, user: UserNid) -> Result<Vec<AppPassword>> {
        let rows = rows::list(&mut *self.storage.conn().await?, user).await?;
        let app_password = |row: rows::AppPasswordRow| AppPassword {
            id: row.id,
            label: row.label,
            created_at_ms: row.created_at,
            last_used_at_ms: row.last_used_at,
        };
        Ok(rows.into_iter().map(app_password).collect())
    }

    /// Revokes an app password and ends the sessions that it began.
    pub async fn revoke(&self, by: impl Into<Actor>, user: UserNid, id: &str) -> Result<()> {
        let mut conn = self.storage.conn().await?;
        let was_there = rows::delete(&mut conn, user, id).await?;
        // Listed after it is gone: it begins no more sessions. Sessions without their password are what
        // a revocation leaves that was cut short.
        let devices = session_origins::list_of_app_password(&mut conn, user, id).await?;
        drop(conn);
        if !was_there && devices.is_empty() {
            return Err(Error::not_found("There is no such app password."));
        }
        let user_id = self.storage.user_id(user).await?;
        let by = by.into();
        self.audit.record(about(Action::TokenRevoked, by.clone(), &user_id, id));
        self.sessions.end(by, user, &devices).await
    }

    /// The ID of a user's app password, if `text` is one.
    pub(super) async fn find(&self, user: UserNid, text: &str) -> Result<Option<String>> {
        if !text.starts_with(PREFIX) {
            return Ok(None);
        }
        rows::find_id(&mut *self.storage.conn().await?, user, &self.hash(text)).await
    }

    /// How a user's devices began their sessions; those that are not listed began by password.
    pub async fn session_kinds(&self, user: UserNid) -> Result<Vec<(OwnedDeviceId, SessionKind)>> {
        session_origins::list(&mut *self.storage.conn().await?, user).await
    }

    fn hash(&self, text: &str) -> [u8; 32] {
        self.secrets.hash(PURPOSE, text)
    }
}
