//! Sessions: a device of a user with the tokens that authenticate it.

mod assertion;
mod cache;
mod sightings;
mod tokens;

use std::sync::Arc;

use ruma::{DeviceId, OwnedDeviceId};

pub use self::assertion::Identity;
pub(in crate::accounts) use self::tokens::Refreshed;
pub(crate) use self::tokens::check_device_name;
pub use self::tokens::{NewSession, Origin, SessionRequest, Tokens};
use self::{
    cache::{Session, SessionCache},
    sightings::Sightings,
};
use super::{Parts, User};
pub use crate::storage::session_origins::SessionKind;
use crate::{
    Error, Result,
    audit::{self, Action, Actor, Audit, Event},
    clock::Clock,
    config::Sessions as Lifetimes,
    error::ErrorKind,
    secrets::Secrets,
    storage::{
        Storage,
        accounts::{AccountKind, AccountState},
        browser_sessions, devices,
        log::rows::{DeviceListRow, Rows},
        numbers::UserNid,
        personal_tokens::Scope,
        tokens::{self as token_rows, TokenHash},
    },
    tail::{self, Fact, Job, Log},
};

/// What access tokens are hashed for.
const ACCESS: &str = "access token";

/// All sessions of local users; clones share the cache.
#[derive(Clone, Debug)]
pub struct Sessions {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    log: Log,
    audit: Audit,
    lifetimes: Lifetimes,
    cache: Arc<SessionCache>,
    sightings: Sightings,
}

impl Sessions {
    /// Sessions that last as configured.
    pub fn new(parts: &Parts<'_>) -> Self {
        Self {
            storage: parts.storage.clone(),
            secrets: parts.secrets.clone(),
            clock: parts.clock.clone(),
            log: parts.log.clone(),
            audit: parts.audit.clone(),
            lifetimes: parts.sessions.clone(),
            cache: Arc::default(),
            sightings: Sightings::start(parts.storage.clone(), parts.secrets.clone(), parts.access, parts.tasks),
        }
    }

    /// The caller behind an access token that came from `origin`.
    pub async fn authenticate(&self, token: &str, origin: &audit::Origin) -> Result<User> {
        let session = self.find(token, origin).await?;
        if session.state == AccountState::Locked {
            return Err(locked());
        }
        Ok(user(&session, origin))
    }

    /// The same where a locked account may call too, which is to log out.
    pub async fn authenticate_even_locked(&self, token: &str, origin: &audit::Origin) -> Result<User> {
        Ok(user(&*self.find(token, origin).await?, origin))
    }

    /// Ends sessions by the will of `by`: deletes the devices among `devices` that there are, with all
    /// that belongs to them.
    pub async fn end(&self, by: impl Into<Actor>, user: UserNid, devices: &[OwnedDeviceId]) -> Result<()> {
        let mut ended = devices::list_ids(&mut *self.storage.conn().await?, user).await?;
        ended.retain(|device| devices.contains(device));
        self.end_existing(by.into(), user, ended).await
    }

    /// Ends all sessions of `user`, or all but that of the device `kept`; those on the pages too.
    pub async fn end_all(&self, by: impl Into<Actor>, user: UserNid, kept: Option<&DeviceId>) -> Result<()> {
        let mut conn = self.storage.conn().await?;
        browser_sessions::delete_of_user(&mut conn, user, None).await?;
        let mut ended = devices::list_ids(&mut conn, user).await?;
        drop(conn);
        ended.retain(|device| Some(&**device) != kept);
        self.end_existing(by.into(), user, ended).await
    }

    /// Tells those who know the user that its list of devices is not what it was.
    pub async fn announce(&self, user: UserNid) -> Result<()> {
        let rows = Rows { device_lists: vec![DeviceListRow::new(user)], ..Rows::default() };
        let publish = Box::new(move |tail: &mut tail::Inner, position| {
            tail.push(position, Fact::DeviceList(user));
            tail.wake(user);
        });
        self.log.append(Job { rows, broken: None, publish }).await?;
        Ok(())
    }

    /// Makes this process read the sessions of `user` anew, because they, or the account, changed.
    pub fn forget(&self, user: UserNid) {
        self.cache.forget(user);
    }

    /// The same for all users.
    pub fn forget_all(&self) {
        self.cache.forget_all();
    }

    async fn end_existing(&self, by: Actor, user: UserNid, devices: Vec<OwnedDeviceId>) -> Result<()> {
        if devices.is_empty() {
            return Ok(());
        }
        let rows = Rows {
            ended_devices: devices.iter().map(|device| (user, device.clone())).collect(),
            device_lists: vec![DeviceListRow::new(user)],
            ..Rows::default()
        };
        let publish = Box::new(move |tail: &mut tail::Inner, position| {
            tail.push(position, Fact::DeviceList(user));
            // The user's other devices are to learn of it.
            tail.wake(user);
        });
        self.log.append(Job { rows, broken: None, publish }).await?;
        self.cache.forget(user);
        for device in &devices {
            self.storage.forget_key_supply(user, device);
        }
        let names: Vec<&str> = devices.iter().map(|device| device.as_str()).collect();
        let user_id = self.storage.user_id(user).await?;
        self.audit.record(Event::new(Action::SessionsEnded, by).on(&user_id).detail("devices", names));
        Ok(())
    }

    async fn find(&self, token: &str, origin: &audit::Origin) -> Result<Arc<Session>> {
        let hash = self.secrets.hash(ACCESS, token);
        let session = match self.cache.get(&hash) {
            Some(session) => session,
            None => self.load(&hash).await?,
        };
        let now_ms = self.clock.now_ms();
        if session.expires_at.is_some_and(|expiry| expiry <= now_ms) {
            // Who has a personal access token cannot log in again for another one.
            let may_log_in = session.session_kind != SessionKind::PersonalToken;
            return Err(Error::unknown_token("This access token has expired.", may_log_in));
        }
        self.sightings.note(&session, origin, now_ms);
        Ok(session)
    }

    async fn load(&self, hash: &TokenHash) -> Result<Arc<Session>> {
        let asked_at = self.cache.endings();
        let mut conn = self.storage.conn().await?;
        let row = token_rows::find_session(&mut conn, hash).await?;
        drop(conn);
        let Some(row) = row.filter(|row| row.state != AccountState::Deactivated) else {
            return Err(Error::unknown_token("This access token is not known.", false));
        };
        if let (Some(exchanged), Some(device_id)) = (&row.replaces, &row.device_id) {
            self.settle(row.user, device_id, exchanged).await?;
        }
        Ok(self.cache.insert(*hash, row, asked_at))
    }
}

/// The refusal of everything to a locked account. Client-server API, "Account locking".
pub(super) fn locked() -> Error {
    Error::refused(ErrorKind::UserLocked, "This account is locked.")
}

fn user(session: &Session, origin: &audit::Origin) -> User {
    User {
        id: session.user_id.clone(),
        nid: session.user,
        device_id: session.device_id.clone(),
        is_guest: session.kind == AccountKind::Guest,
        is_admin: session.is_admin,
        is_vouched_for: false,
        is_suspended: session.state == AccountState::Suspended,
        is_shadow_banned: session.is_shadow_banned,
        pace: session.pace,
        origin: origin.clone(),
        session: session.session_kind,
        is_read_only: session.scope == Scope::ReadOnly,
        appservice: None,
        origin_server_ts: None,
    }
}
