//! What administrators do to the accounts of other people, one by one. Nobody loses an administrator's
//! account by it who is one still, and there is always one left.

use ruma::UserId;

use super::Administration;
use crate::{
    Error, Result,
    accounts::{User, emails::Notice},
    audit::{Action, Event},
    storage::{
        accounts::{self, Account, AccountState},
        people,
    },
};

/// What the device of a session is called that an administrator began.
const IMPERSONATOR: &str = "Server administrator";

impl Administration {
    /// The account of a local user, as a caller: for what `caller` does in their name.
    pub async fn stand_in(&self, caller: &User, user_id: &UserId) -> Result<User> {
        let account = self.find(user_id).await?;
        if account.state() == AccountState::Deactivated {
            return Err(Error::forbidden(format!("The account {user_id} has been deactivated.")));
        }
        Ok(User::of_account(account, caller.origin.clone()))
    }

    /// Makes somebody an administrator, or not any more. Nobody does the latter to themselves, so that
    /// there is always one.
    pub async fn set_admin_for(&self, caller: &User, user_id: &UserId, is_admin: bool) -> Result<()> {
        let account = self.find(user_id).await?;
        if account.is_admin == is_admin {
            return Ok(());
        }
        if account.user == caller.nid {
            return Err(Error::forbidden("You cannot take the role of an administrator from yourself."));
        }
        self.acting_as(caller).set_admin(user_id, is_admin).await
    }

    /// Gives an account a new password, and ends its sessions if wanted.
    pub async fn reset_password_for(
        &self,
        caller: &User,
        user_id: &UserId,
        new_password: &str,
        ends_sessions: bool,
    ) -> Result<()> {
        let account = self.not_another_administrator(caller, user_id).await?;
        if ends_sessions {
            return self.acting_as(caller).reset_password(user_id, new_password).await;
        }
        if account.is_deactivated {
            return Err(Error::forbidden("This account has been deactivated."));
        }
        self.passwords.check_new(new_password, user_id).await?;
        let reset = Event::new(Action::PasswordReset, caller).on(user_id).detail("by", "administration");
        self.set_password(account.user, new_password, reset).await?;
        self.emails.notify(account.user, user_id, Notice::PasswordChanged).await;
        Ok(())
    }

    /// Deactivates somebody's account. The last administrator stays.
    pub async fn deactivate_for(&self, caller: &User, user_id: &UserId, is_erased: bool) -> Result<()> {
        let account = self.not_another_administrator(caller, user_id).await?;
        if account.is_deactivated && !is_erased {
            return Ok(());
        }
        if account.is_admin && !self.has_another_administrator(&account).await? {
            return Err(Error::forbidden("You are the last administrator. Make somebody else one first."));
        }
        self.acting_as(caller).deactivate(user_id, is_erased).await
    }

    /// Opens a deactivated account again, with a new password. What was deleted does not come back.
    pub async fn reactivate(&self, caller: &User, user_id: &UserId, new_password: &str) -> Result<()> {
        let account = self.find(user_id).await?;
        self.passwords.check_new(new_password, user_id).await?;
        let hash = self.passwords.hash(new_password).await?;
        let event = Event::new(Action::AdminActed, caller).on(user_id).detail("what", "user.reactivate");
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                accounts::reactivate(&mut tx, account.user, &hash).await?;
                accounts::delete_departure(&mut tx, account.user).await?;
                people::upsert(&mut tx, account.user, user_id, None, None).await?;
                self.audit.append(&mut tx, [event.clone()]).await?;
                Ok(tx.commit().await?)
            })
            .await?;
        self.sessions.forget(account.user);
        Ok(())
    }

    /// Begins a session of somebody for the administrator `caller`, if the configuration lets administrators
    /// do that; returns its access token. The user sees it among their devices, and can end it.
    pub async fn impersonate(&self, caller: &User, user_id: &UserId, until_ms: Option<i64>) -> Result<String> {
        if !self.may_impersonate {
            return Err(Error::forbidden("Administrators do not act as others here: see access.impersonation."));
        }
        let account = self.other(caller, user_id).await?;
        let event = Event::new(Action::TokenCreated, caller).on(user_id).detail("kind", "impersonation");
        let (device_id, token) = self
            .storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                let session = self.sessions.begin_personal(&mut tx, account.user, IMPERSONATOR, until_ms).await?;
                self.audit.append(&mut tx, [event.clone()]).await?;
                tx.commit().await?;
                Ok(session)
            })
            .await?;
        tracing::info!(user.id = %user_id, device.id = %device_id, "An administrator acts as a user");
        Ok(token.to_string())
    }

    async fn not_another_administrator(&self, caller: &User, user_id: &UserId) -> Result<Account> {
        let account = self.find(user_id).await?;
        if account.is_admin && account.user != caller.nid {
            return Err(Error::forbidden("This cannot be done to another administrator."));
        }
        Ok(account)
    }

    async fn has_another_administrator(&self, than: &Account) -> Result<bool> {
        let all = accounts::list_administrators(&mut *self.storage.conn().await?).await?;
        Ok(all.iter().any(|other| other.user != than.user && other.state() == AccountState::Active))
    }
}
