//! What owners and administrators do to whole accounts: passwords, locks, the end.

mod marks;
mod others;

use std::sync::Arc;

use ruma::{DeviceId, UserId, api::client::uiaa::AuthData};
use tokio::sync::Notify;

use super::{
    Parts, User,
    browser_sessions::BrowserSession,
    elsewhere,
    emails::{Emails, Notice},
    interactive_auth::{InteractiveAuth, Operation},
    passwords::Passwords,
    registration::{NewAccount, Registration},
    sessions::Sessions,
};
use crate::{
    Error, Result,
    audit::{Action, Actor, Audit, Event, Origin},
    clock::Clock,
    storage::{
        Storage, account_data,
        accounts::{self, Account},
        app_passwords, browser_sessions, emails, factors, filters, identities, key_backups, keys,
        numbers::UserNid,
        people, profiles, sightings, terms, tokens,
    },
};

/// Changes of whole accounts.
#[derive(Clone, Debug)]
pub struct Administration {
    storage: Storage,
    clock: Clock,
    audit: Audit,
    /// Who acts, where no caller is named.
    actor: Actor,
    passwords: Passwords,
    sessions: Sessions,
    registration: Registration,
    emails: Emails,
    interactive_auth: InteractiveAuth,
    /// Rung when a user is to be taken out of all rooms.
    departures: Arc<Notify>,
    may_impersonate: bool,
}

/// A restriction that administrators put on accounts. Client-server API, "Account moderation".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restriction {
    /// Nothing but logging out.
    Lock,
    /// Reading, but not acting.
    Suspension,
}

/// What is changed about an account.
#[derive(Clone, Copy)]
enum Change<'a> {
    Admin(bool),
    Locked(bool),
    Suspended(bool),
    Password(&'a str),
}

impl Administration {
    /// Changes of the accounts in `storage`.
    pub fn new(
        parts: &Parts<'_>,
        passwords: Passwords,
        sessions: Sessions,
        registration: Registration,
        emails: Emails,
        interactive_auth: InteractiveAuth,
    ) -> Self {
        Self {
            storage: parts.storage.clone(),
            clock: parts.clock.clone(),
            audit: parts.audit.clone(),
            actor: Actor::operator(),
            passwords,
            sessions,
            registration,
            emails,
            interactive_auth,
            departures: Arc::default(),
            may_impersonate: parts.may_impersonate,
        }
    }

    /// The same changes, noted as those of `actor` and not of who runs commands on the machine.
    #[must_use]
    pub fn acting_as(&self, actor: impl Into<Actor>) -> Self {
        Self { actor: actor.into(), ..self.clone() }
    }

    /// Creates an account without a session and returns it.
    pub async fn create_user(&self, name: &str, password: Option<String>, is_admin: bool) -> Result<Account> {
        let user_id = self.registration.free_name(name).await?;
        let new = NewAccount { password, is_admin, ..NewAccount::of(user_id.clone(), self.actor.clone()) };
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
        let changed = Event::new(Action::RoleChanged, self.actor.clone()).on(user_id).detail("is_admin", is_admin);
        self.change(account.user, Change::Admin(is_admin), changed).await?;
        self.sessions.forget(account.user);
        Ok(())
    }

    /// Gives an account a new password and ends its sessions. The second factor stays.
    pub async fn reset_password(&self, user_id: &UserId, new_password: &str) -> Result<()> {
        let account = self.find(user_id).await?;
        if account.is_deactivated {
            return Err(Error::forbidden("This account has been deactivated."));
        }
        let reset = Event::new(Action::PasswordReset, self.actor.clone()).on(user_id).detail("by", "administration");
        self.passwords.check_new(new_password, &account.user_id).await?;
        self.set_password(account.user, new_password, reset).await?;
        self.emails.notify(account.user, user_id, Notice::PasswordChanged).await;
        self.end_all_access(self.actor.clone(), account.user, None).await
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
        let changed = Event::new(Action::PasswordChanged, caller).on(&caller.id);
        self.set_password(caller.nid, new_password, changed).await?;
        self.emails.notify(caller.nid, &caller.id, Notice::PasswordChanged).await;
        if logout_devices {
            self.end_all_access(caller.into(), caller.nid, caller.device_id.as_deref()).await?;
        }
        Ok(())
    }

    /// Chooses a new password for the account of somebody who proves to read its mail. A second factor
    /// stays what it is.
    pub async fn change_password_by_email(
        &self,
        auth: Option<&AuthData>,
        new_password: &str,
        logout_devices: bool,
        origin: &Origin,
    ) -> Result<()> {
        if !self.emails.are_possible() {
            return Err(Error::missing_token("An access token is needed here."));
        }
        let operation = Operation::ChangePassword { new_password, logout_devices };
        let proved = self.interactive_auth.require_email(auth, operation, origin.address).await?;
        let owner = self.emails.find_owner(&proved.address).await?;
        let user = owner.ok_or_else(|| Error::forbidden("This e-mail address belongs to no account."))?;
        let user_id = self.storage.user_id(user).await?;
        if self.find(&user_id).await?.is_deactivated {
            return Err(Error::forbidden("This account has been deactivated."));
        }
        self.passwords.check_new(new_password, &user_id).await?;
        self.emails.use_up(&proved).await?;
        let reset = Event::new(Action::PasswordReset, origin).on(&user_id).detail("by", "email");
        self.set_password(user, new_password, reset).await?;
        self.emails.notify(user, &user_id, Notice::PasswordChanged).await;
        if logout_devices {
            self.end_all_access(origin.into(), user, None).await?;
        }
        Ok(())
    }

    /// Changes the password of somebody who has just proved everything on the pages, and ends the other
    /// sessions there, with all devices if wanted.
    pub async fn change_password_on_page(
        &self,
        by: &BrowserSession,
        new_password: &str,
        ends_devices: bool,
    ) -> Result<()> {
        let user = &by.user;
        let changed = Event::new(Action::PasswordChanged, by).on(&user.id);
        self.set_password(user.nid, new_password, changed).await?;
        self.emails.notify(user.nid, &user.id, Notice::PasswordChanged).await;
        if ends_devices {
            return self.sessions.end_all(by, user.nid, None).await;
        }
        browser_sessions::delete_of_user(&mut *self.storage.conn().await?, user.nid, None).await
    }

    /// Deactivates the caller's account after it has proved to know the password.
    pub async fn deactivate_self(&self, caller: &User, auth: Option<&AuthData>, is_erased: bool) -> Result<()> {
        self.interactive_auth.require(caller, auth, Operation::Deactivate { is_erased }).await?;
        self.deactivate_account(caller.into(), caller.nid, &caller.id, is_erased).await
    }

    /// Deactivates somebody's account.
    pub async fn deactivate(&self, user_id: &UserId, is_erased: bool) -> Result<()> {
        let account = self.find(user_id).await?;
        self.deactivate_account(self.actor.clone(), account.user, user_id, is_erased).await
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
        let (change, action) = match (restriction, is_restricted) {
            (Restriction::Lock, true) => (Change::Locked(true), Action::AccountLocked),
            (Restriction::Lock, false) => (Change::Locked(false), Action::AccountUnlocked),
            (Restriction::Suspension, true) => (Change::Suspended(true), Action::AccountSuspended),
            (Restriction::Suspension, false) => (Change::Suspended(false), Action::AccountUnsuspended),
        };
        self.change(account.user, change, Event::new(action, caller).on(user_id)).await?;
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
        let event = Event::new(Action::FactorReset, self.actor.clone()).on(user_id);
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                factors::delete(&mut tx, account.user).await?;
                app_passwords::delete_all(&mut tx, account.user).await?;
                tokens::delete_without_device(&mut tx, account.user).await?;
                self.audit.append(&mut tx, [event.clone()]).await?;
                Ok(tx.commit().await?)
            })
            .await?;
        self.emails.notify(account.user, user_id, Notice::FactorRemoved).await;
        self.sessions.end_all(self.actor.clone(), account.user, None).await
    }

    /// The same by the will of the administrator `caller`.
    pub async fn reset_second_factor_for(&self, caller: &User, user_id: &UserId) -> Result<()> {
        let account = self.other(caller, user_id).await?;
        self.acting_as(caller).reset_second_factor(&account.user_id).await
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
    async fn end_all_access(&self, by: Actor, user: UserNid, kept: Option<&DeviceId>) -> Result<()> {
        let mut conn = self.storage.conn().await?;
        app_passwords::delete_all(&mut conn, user).await?;
        tokens::delete_without_device(&mut conn, user).await?;
        drop(conn);
        self.sessions.end_all(by, user, kept).await
    }

    async fn set_password(&self, user: UserNid, new_password: &str, event: Event) -> Result<()> {
        let hash = self.passwords.hash(new_password).await?;
        self.change(user, Change::Password(&hash), event).await
    }

    /// Changes an account and notes it: both, or nothing.
    async fn change(&self, user: UserNid, change: Change<'_>, event: Event) -> Result<()> {
        let attempt = || async {
            let mut tx = self.storage.begin().await?;
            match change {
                Change::Admin(is_admin) => accounts::update_admin(&mut tx, user, is_admin).await?,
                Change::Locked(is_locked) => accounts::update_locked(&mut tx, user, is_locked).await?,
                Change::Suspended(is_suspended) => accounts::update_suspended(&mut tx, user, is_suspended).await?,
                Change::Password(hash) => accounts::update_password(&mut tx, user, hash).await?,
            }
            self.audit.append(&mut tx, [event.clone()]).await?;
            Ok(tx.commit().await?)
        };
        self.storage.retry(attempt).await
    }

    async fn deactivate_account(&self, by: Actor, user: UserNid, user_id: &UserId, is_erased: bool) -> Result<()> {
        let event = Event::new(Action::AccountDeactivated, by.clone()).on(user_id).detail("is_erased", is_erased);
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
                emails::delete_all(&mut tx, user).await?;
                identities::delete_all(&mut tx, user).await?;
                terms::delete_all(&mut tx, user).await?;
                if is_erased {
                    account_data::delete_all(&mut tx, user).await?;
                    filters::delete_all(&mut tx, user).await?;
                    self.audit.forget_origins(&mut tx, user_id).await?;
                }
                self.audit.append(&mut tx, [event.clone()]).await?;
                Ok(tx.commit().await?)
            })
            .await?;
        // From here on its sessions are refused, whatever becomes of deleting them.
        self.sessions.forget(user);
        self.sessions.end_all(by, user, None).await?;
        self.departures.notify_one();
        Ok(())
    }
}
