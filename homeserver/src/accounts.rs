//! Local people and programs: who they are and how they prove it.

use std::sync::Arc;

use quick_cache::sync::Cache;
use ruma::{OwnedDeviceId, OwnedServerName, OwnedUserId, UserId};

use crate::{
    Error, Result,
    clock::Clock,
    secrets::{self, Secrets},
    storage::{
        Storage, fault,
        numbers::UserNid,
        users::{self, Account, AccountKind, AccountState, SessionRow, TokenKind},
    },
};

/// Sessions kept in memory, at most.
const SESSIONS: usize = 100_000;

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
}

/// A session that was just begun.
#[derive(Debug)]
pub struct NewSession {
    /// Whose it is.
    pub user_id: OwnedUserId,
    /// Its device.
    pub device_id: OwnedDeviceId,
    /// Its access token, which is known only now.
    pub access_token: String,
}

/// Accounts and sessions.
#[derive(Clone, Debug)]
pub struct Accounts {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    server_name: OwnedServerName,
    sessions: Arc<Cache<[u8; 32], Arc<SessionRow>>>,
}

impl Accounts {
    /// Accounts of the server `server_name`.
    pub fn new(storage: Storage, secrets: Secrets, clock: Clock, server_name: OwnedServerName) -> Self {
        Self { storage, secrets, clock, server_name, sessions: Arc::new(Cache::new(SESSIONS)) }
    }

    /// The caller behind an access token.
    pub async fn authenticate(&self, token: &str) -> Result<User> {
        let hash = self.secrets.hash("access token", token);
        let session = match self.sessions.get(&hash) {
            Some(session) => session,
            None => {
                let found = users::find_session(&mut *self.storage.conn().await?, &hash).await?;
                let session =
                    Arc::new(found.ok_or_else(|| Error::unknown_token("This access token is not known.", false))?);
                self.sessions.insert(hash, session.clone());
                session
            }
        };
        if session.expires_at.is_some_and(|expiry| expiry <= self.clock.now_ms()) {
            return Err(Error::unknown_token("This access token has expired.", true));
        }
        Ok(User {
            id: session.user_id.clone(),
            nid: session.user,
            device_id: session.device_id.clone(),
            is_guest: session.kind == AccountKind::Guest,
            is_admin: session.is_admin,
        })
    }

    /// Creates an account named `localpart` and begins its first session.
    pub async fn register(&self, localpart: &str, device_id: Option<OwnedDeviceId>) -> Result<NewSession> {
        let user_id = UserId::parse_with_server_name(localpart, &self.server_name)
            .map_err(|_| Error::invalid_username("This is not a possible user name."))?;
        let user = self.storage.intern_user(&user_id).await?;
        let now_ms = self.clock.now_ms();
        let device_id = device_id.unwrap_or_else(|| secrets::capitals(10).into());
        let access_token = secrets::token("salon_");
        let account = Account {
            user,
            user_id: user_id.clone(),
            password_hash: None,
            kind: AccountKind::User,
            is_admin: false,
            state: AccountState::Active,
            created_at: now_ms,
        };
        let hash = self.secrets.hash("access token", &access_token);
        let outcome = self
            .storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                users::insert_account(&mut tx, &account).await?;
                users::insert_device(&mut tx, user, &device_id, None, now_ms).await?;
                users::insert_token(&mut tx, &hash, TokenKind::Access, user, Some(&device_id), None, now_ms).await?;
                Ok(tx.commit().await?)
            })
            .await;
        match outcome {
            Err(error) if fault::is_duplicate(&error) => Err(Error::user_in_use("This user name is taken.")),
            Err(error) => Err(error),
            Ok(()) => Ok(NewSession { user_id, device_id, access_token }),
        }
    }
}
