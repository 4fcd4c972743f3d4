//! What owners and administrators do to whole accounts: passwords, locks, the end.

use std::sync::Arc;

use ruma::{DeviceId, UserId, api::client::uiaa::AuthData};
use tokio::sync::Notify;

use super::{
    Parts, User, elsewhere,
    interactive_auth::{InteractiveAuth, Operation},
    passwords::Passwords,
    registration::{NewAccount, Registration},
    sessions::Sessions,
};
use crate::{
    Error, Result,
    clock::Clock,
    storage::{
        Storage, account_data,
        accounts::{self, Account, AccountKind},
        app_passwords, browser_sessions, factors, filters, key_backups, keys,
        numbers::UserNid,
        people, profiles, sightings, tokens,
    },
};

/// Changes of whole accounts.
#[derive(Clone, Debug)]
pub struct Administration {
    storage: Storage,
    clock: Clock,
    passwords: Passwords,
    sessions: Sessions,
    registration: Registration,
    interactive_auth: InteractiveAuth,
    /// Rung when a user is to be taken out of all rooms.
    departures: Arc<Notify>,
}

/// A restriction that administrators put on accounts. Client-server API, "Account moderation".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restriction {
    /// Nothing but logging out.
    Lock,
    /// Reading, but not acting.
    Suspension,
}

impl Administration {
    /// Changes of the accounts in `storage`.
    pub fn new(
        parts: &Parts<'_>,
        passwords: Passwords,
        sessions: Sessions,
        registration: Registration,
        interactive_auth: InteractiveAuth,
    ) -> Self {
        Self {
            storage: parts.storage.clone(),
            clock: parts.clock.clone(),
            passwords,
            sessions,
            registration,
            interactive_auth,
            departures: Arc::default(),
        }
    }

    /// Creates an account without a session and returns it.
    pub async fn create_user(&self, name: &str, password: Option<String>, is_admin: bool) -> Result<Account> {
        let user_id = self.registration.free_name(name).await?;
        let new = NewAccount {
            user_id: user_id.clone(),
            password,
            kind: AccountKind::User,
            is_admin,
            display_name: None,
            token: None,
            session: None,
            waits_for: None,
        };
        self.registration.create(new).await?;
        self.find(&user_id).await
    }

    /// The account of a local user.
    pub async fn find(&self, user_id: &UserId) -> Result<Account> {
        let found = accounts::find(&mut *self.storage.conn().await?, user_id).await?;
        found.ok_or_else(|| Error::not_found("There is no such user on this server."))
    }

    /// The account of a local user, for the user or an administrator to look at.
    pub async fn find_for(&self, caller: &User, user_id: &UserId) -> Result<Account> {
        if !caller.is_admin && caller.id != user_id {
            return Err(Error::forbidden("Only server administrators can look at others."));
        }
        self.find(user_id).await
    }

    /// Lists at most `limit` accounts after that with the localpart `after`, in their order.
    pub async fn list_users(&self, after: &str, limit: u32) -> Result<Vec<Account>> {
        accounts::list(&mut *self.storage.conn().await?, after, limit).await
    }

    /// Makes somebody a server administrator, or not any more.
    pub async fn set_admin(&self, user_id: &UserId, is_admin: bool) -> Result<()> {
        let account = self.find(user_id).await?;
        accounts::update_admin(&mut *self.storage.conn().await?, account.user, is_admin).await?;
        self.sessions.forget(account.user);
        Ok(())
    }

    /// Gives an account a new password and ends its sessions. The second factor stays.
    pub async fn reset_password(&self, user_id: &UserId, new_password: &str) -> Result<()> {
        let account = self.find(user_id).await?;
        if account.is_deactivated {
            return Err(Error::forbidden("This account has been deactivated."));
        }
        self.passwords.check_new(new_password, &account.user_id).await?;
        self.set_password(account.user, new_password).await?;
        self.end_all_access(account.user, None).await
    }

    /// Changes the caller's password after it has proved to know the present one, and ends its other
    /// sessions if wanted.
    pub async fn change_password(
        &self,
        caller: &User,
        auth: Option<&AuthData>,
        new_password: &str,
        logout_devices: bool,
    ) -> Result<()> {
        self.passwords.check_new(new_password, &caller.id).await?;
        let operation = Operation::ChangePassword { new_password, logout_devices };
        self.interactive_auth.require(caller, auth, operation).await?;
        self.set_password(caller.nid, new_password).await?;
        if logout_devices {
            self.end_all_access(caller.nid, caller.device_id.as_deref()).await?;
        }
        Ok(())
    }

    /// Changes the password of somebody who has just proved everything on the pages, and ends the other
    /// sessions there, with all devices if wanted.
    pub async fn change_password_on_page(&self, user: &User, new_password: &str, ends_devices: bool) -> Result<()> {
        self.set_password(user.nid, new_password).await?;
        if ends_devices {
            return self.sessions.end_all(user.nid, None).await;
        }
        browser_sessions::delete_of_user(&mut *self.storage.conn().await?, user.nid, None).await
    }

    /// Deactivates the caller's account after it has proved to know the password.
    pub async fn deactivate_self(&self, caller: &User, auth: Option<&AuthData>, is_erased: bool) -> Result<()> {
        self.interactive_auth.require(caller, auth, Operation::Deactivate { is_erased }).await?;
        self.deactivate_account(caller.nid, is_erased).await
    }

    /// Deactivates somebody's account.
    pub async fn deactivate(&self, user_id: &UserId, is_erased: bool) -> Result<()> {
        let account = self.find(user_id).await?;
        self.deactivate_account(account.user, is_erased).await
    }

    /// Whether an account is restricted in this way, for the administrator `caller` to see.
    pub async fn is_restricted(&self, caller: &User, user_id: &UserId, restriction: Restriction) -> Result<bool> {
        let account = self.restrictable(caller, user_id).await?;
        Ok(match restriction {
            Restriction::Lock => account.is_locked,
            Restriction::Suspension => account.is_suspended,
        })
    }

    /// Puts a restriction on an account, or lifts it, by the will of the administrator `caller`.
    pub async fn restrict(
        &self,
        caller: &User,
        user_id: &UserId,
        restriction: Restriction,
        is_restricted: bool,
    ) -> Result<()> {
        let account = self.other(caller, user_id).await?;
        let mut conn = self.storage.conn().await?;
        match restriction {
            Restriction::Lock => accounts::update_locked(&mut conn, account.user, is_restricted).await?,
            Restriction::Suspension => accounts::update_suspended(&mut conn, account.user, is_restricted).await?,
        }
        self.sessions.forget(account.user);
        Ok(())
    }

    /// Lets somebody act whose account waited for an administrator.
    pub async fn let_act(&self, user: UserNid) -> Result<()> {
        accounts::update_suspended(&mut *self.storage.conn().await?, user, false).await?;
        self.sessions.forget(user);
        self.tell_others().await
    }

    /// Takes away somebody's second factor, and with it everything that it protected: all sessions,
    /// app passwords and personal access tokens.
    pub async fn reset_second_factor(&self, user_id: &UserId) -> Result<()> {
        let account = self.find(user_id).await?;
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                factors::delete(&mut tx, account.user).await?;
                app_passwords::delete_all(&mut tx, account.user).await?;
                tokens::delete_without_device(&mut tx, account.user).await?;
                Ok(tx.commit().await?)
            })
            .await?;
        self.sessions.end_all(account.user, None).await
    }

    /// The same by the will of the administrator `caller`.
    pub async fn reset_second_factor_for(&self, caller: &User, user_id: &UserId) -> Result<()> {
        let account = self.other(caller, user_id).await?;
        self.reset_second_factor(&account.user_id).await
    }

    /// Rung when [`accounts::list_departures`] has somebody new: a deactivated user who is to be
    /// taken out of all rooms. Who does that listens here, and looks when the server starts.
    pub fn departures(&self) -> &Notify {
        &self.departures
    }

    /// Rings [`Self::departures`], because another process may have deactivated somebody.
    pub(super) fn ring_for_departures(&self) {
        self.departures.notify_one();
    }

    /// Tells all processes on this database that accounts or sessions have changed.
    pub async fn tell_others(&self) -> Result<()> {
        elsewhere::tell(&mut *self.storage.conn().await?, self.clock.now_ms()).await
    }

    /// The account of somebody else whom the administrator `caller` is over.
    async fn other(&self, caller: &User, user_id: &UserId) -> Result<Account> {
        let account = self.restrictable(caller, user_id).await?;
        if account.user == caller.nid {
            return Err(Error::forbidden("Nobody can do this to themselves."));
        }
        Ok(account)
    }

    async fn restrictable(&self, caller: &User, user_id: &UserId) -> Result<Account> {
        if !caller.is_admin {
            return Err(Error::forbidden("Only server administrators can do this."));
        }
        if user_id.server_name() != caller.id.server_name() {
            return Err(Error::invalid_param("This is not a user of this server."));
        }
        let account = self.find(user_id).await?;
        if account.is_deactivated {
            return Err(Error::not_found("This account has been deactivated."));
        }
        if account.is_admin && account.user != caller.nid {
            return Err(Error::forbidden("This cannot be done to another administrator."));
        }
        Ok(account)
    }

    /// Ends all sessions, or all but one, and what could begin others without the password.
    async fn end_all_access(&self, user: UserNid, kept: Option<&DeviceId>) -> Result<()> {
        let mut conn = self.storage.conn().await?;
        app_passwords::delete_all(&mut conn, user).await?;
        tokens::delete_without_device(&mut conn, user).await?;
        drop(conn);
        self.sessions.end_all(user, kept).await
    }

    async fn set_password(&self, user: UserNid, new_password: &str) -> Result<()> {
        let hash = self.passwords.hash(new_password).await?;
        accounts::update_password(&mut *self.storage.conn().await?, user, &hash).await
    }

    async fn deactivate_account(&self, user: UserNid, is_erased: bool) -> Result<()> {
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                accounts::deactivate(&mut tx, user, is_erased).await?;
                accounts::insert_departure(&mut tx, user, self.clock.now_ms()).await?;
                profiles::delete_all(&mut tx, user).await?;
                people::delete(&mut tx, user).await?;
                tokens::delete_without_device(&mut tx, user).await?;
                factors::delete(&mut tx, user).await?;
                app_passwords::delete_all(&mut tx, user).await?;
                keys::delete_user_keys(&mut tx, user).await?;
                sightings::delete_of_user(&mut tx, user).await?;
                key_backups::delete_all(&mut tx, user).await?;
                if is_erased {
                    account_data::delete_all(&mut tx, user).await?;
                    filters::delete_all(&mut tx, user).await?;
                }
                Ok(tx.commit().await?)
            })
            .await?;
        // From here on its sessions are refused, whatever becomes of deleting them.
        self.sessions.forget(user);
        self.sessions.end_all(user, None).await?;
        self.departures.notify_one();
        Ok(())
    }
}
