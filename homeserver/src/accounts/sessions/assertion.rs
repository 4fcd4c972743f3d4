//! Application services act as users without sessions. Application service API, "Identity
//! assertion".

use std::sync::Arc;

use ruma::{DeviceId, OwnedUserId, UserId};

use super::{Session, Sessions, locked, user};
use crate::{
    Error, Result,
    accounts::{User, appservices::AppService},
    audit,
    error::ErrorKind,
    storage::{
        account_marks,
        accounts::{self, AccountState},
        devices,
        personal_tokens::Scope,
        session_origins::SessionKind,
        tokens::SessionRow,
    },
};

/// What what an application service says about itself is hashed for.
const PURPOSE: &str = "application service's identity";

/// As whom an application service wants to act.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user; its sender, if none.
    pub user_id: Option<String>,
    /// The user's device; none at all, if none.
    pub device_id: Option<String>,
}

impl Sessions {
    /// The user as whom an application service acts. Where it acts from is nobody's business: that is
    /// not where the user is.
    pub async fn assert(&self, service: &Arc<AppService>, identity: &Identity, origin: &audit::Origin) -> Result<User> {
        let session = self.asserted(service, identity).await?;
        if session.state == AccountState::Locked {
            return Err(locked());
        }
        let user = user(&session, origin);
        // Whoever may write in the name of an administrator is not to administrate.
        let is_admin = user.is_admin && user.id == service.sender;
        Ok(User { appservice: Some(service.clone()), is_admin, ..user })
    }

    async fn asserted(&self, service: &AppService, identity: &Identity) -> Result<Arc<Session>> {
        let user_id = match &identity.user_id {
            Some(user_id) => in_namespace(service, user_id)?,
            None => service.sender.clone(),
        };
        let device_id = identity.device_id.as_deref().map(<&DeviceId>::from);
        // Kept with the sessions of tokens, so that all that ends those ends these.
        let device = device_id.map_or_else(String::new, |device_id| format!("\0{device_id}"));
        let hash = self.secrets.hash(PURPOSE, &format!("{user_id}{device}"));
        if let Some(session) = self.cache.get(&hash) {
            return Ok(session);
        }
        let asked_at = self.cache.endings();
        let row = self.asserted_row(&user_id, device_id).await?;
        Ok(self.cache.insert(hash, row, asked_at))
    }

    async fn asserted_row(&self, user_id: &UserId, device_id: Option<&DeviceId>) -> Result<SessionRow> {
        let mut conn = self.storage.conn().await?;
        let account = accounts::find(&mut conn, user_id).await?.filter(|account| !account.is_deactivated);
        let account = account.ok_or_else(|| Error::forbidden(format!("There is no user {user_id}.")))?;
        if let Some(device_id) = device_id
            && devices::find(&mut conn, account.user, device_id).await?.is_none()
        {
            return Err(Error::refused(ErrorKind::UnknownDevice, format!("{user_id} has no device {device_id}.")));
        }
        let marks = account_marks::load(&mut conn, account.user).await?;
        Ok(SessionRow {
            state: account.state(),
            is_shadow_banned: marks.is_shadow_banned,
            pace: marks.pace,
            user: account.user,
            user_id: account.user_id,
            device_id: device_id.map(ToOwned::to_owned),
            replaces: None,
            expires_at: None,
            kind: account.kind,
            is_admin: account.is_admin,
            session_kind: SessionKind::AppService,
            scope: Scope::Full,
        })
    }
}

fn in_namespace(service: &AppService, user_id: &str) -> Result<OwnedUserId> {
    let parsed = OwnedUserId::try_from(user_id).map_err(|_| Error::invalid_param("This is not a user ID."))?;
    if service.is_interested_in_user(&parsed) {
        Ok(parsed)
    } else {
        Err(Error::forbidden("The application service cannot act as this user, who is not in its namespace."))
    }
}
