//! Looks at accounts and changes them.

use ruma::{OwnedUserId, UserId};
use serde_json::Value;

use super::Moderation;
use crate::{
    Error, Result,
    accounts::{User, administration::Restriction, names},
    storage::{
        numbers::UserNid,
        overview::{
            Page,
            users::{self, ListedUser, UserFilter, UserOrder},
        },
        terms,
    },
};

/// What is to be changed about an account; nothing where nothing is said.
#[derive(Clone, Default)]
pub struct UserChange {
    /// A new password.
    pub password: Option<String>,
    /// Whether the sessions go on with a new password.
    pub keeps_sessions: bool,
    /// Another display name; an empty one is none.
    pub display_name: Option<String>,
    /// Another avatar; an empty one is none.
    pub avatar_url: Option<String>,
    /// All e-mail addresses.
    pub emails: Option<Vec<String>>,
    /// The identities at providers that are bound to it, which cannot be changed.
    pub identities: Option<Vec<(String, String)>>,
    /// Whether it is an administrator's.
    pub is_admin: Option<bool>,
    /// Whether it is closed for good, or open again.
    pub is_deactivated: Option<bool>,
    /// Whether it is locked.
    pub is_locked: Option<bool>,
    /// A word for lists, or none.
    pub user_type: Option<Option<String>>,
}

impl Moderation {
    /// A page of the accounts, and how many there are in all.
    pub async fn users(&self, filter: &UserFilter, order: UserOrder, page: Page) -> Result<(Vec<ListedUser>, i64)> {
        let mut conn = self.conn().await?;
        let listed = users::list(&mut conn, filter, order, page).await?;
        Ok((listed, users::count(&mut conn, filter).await?))
    }

    /// An account.
    pub async fn user(&self, user_id: &UserId) -> Result<ListedUser> {
        let found = users::find(&mut *self.conn().await?, user_id).await?;
        found.ok_or_else(|| Error::not_found("There is no such user on this server."))
    }

    /// Creates an account, or changes it if it is there; returns whether it was created.
    pub async fn put_user(&self, caller: &User, user_id: &UserId, change: UserChange) -> Result<bool> {
        if user_id.server_name() != self.rooms.server_name() {
            return Err(Error::invalid_param("This is not a user of this server."));
        }
        let present = users::find(&mut *self.conn().await?, user_id).await?;
        let is_new = present.is_none();
        self.check_identities(present.as_ref(), &change).await?;
        let change = if is_new { self.create_user(caller, user_id, change).await? } else { change };
        self.change_user(caller, self.user(user_id).await?, change).await?;
        self.accounts.administration.tell_others().await?;
        Ok(is_new)
    }

    /// Refuses to bind identities, or to unbind some.
    async fn check_identities(&self, present: Option<&ListedUser>, change: &UserChange) -> Result<()> {
        let Some(wanted) = &change.identities else { return Ok(()) };
        let bound = match present {
            Some(present) => self.accounts.identities.subjects(present.user).await?,
            None => Vec::new(),
        };
        if wanted.len() != bound.len() || wanted.iter().any(|identity| !bound.contains(identity)) {
            return Err(Error::invalid_param("Identities at providers are bound by their owners alone."));
        }
        Ok(())
    }

    /// Creates an account; returns what else is to be changed.
    async fn create_user(&self, caller: &User, user_id: &UserId, mut change: UserChange) -> Result<UserChange> {
        if names::user_id(user_id.localpart(), self.rooms.server_name())? != user_id {
            return Err(Error::invalid_param("User names are written in lower case."));
        }
        let administration = self.accounts.administration.acting_as(caller);
        let is_admin = change.is_admin.take().unwrap_or(false);
        administration.create_user(user_id.localpart(), change.password.take(), is_admin).await?;
        Ok(change)
    }

    async fn change_user(&self, caller: &User, present: ListedUser, change: UserChange) -> Result<()> {
        let (administration, user_id) = (&self.accounts.administration, &present.user_id);
        let is_to_close = change.is_deactivated.filter(|wanted| *wanted != present.is_deactivated);
        match (is_to_close, &change.password) {
            (Some(false), Some(password)) => administration.reactivate(caller, user_id, password).await?,
            (Some(false), None) => {
                return Err(Error::invalid_param("A deactivated account is opened again with a new password."));
            }
            (_, Some(password)) => {
                administration.reset_password_for(caller, user_id, password, !change.keeps_sessions).await?;
            }
            (_, None) => {}
        }
        if let Some(addresses) = &change.emails {
            self.accounts.emails.replace(caller, present.user, user_id, addresses).await?;
        }
        if let Some(is_admin) = change.is_admin {
            administration.set_admin_for(caller, user_id, is_admin).await?;
        }
        if let Some(is_locked) = change.is_locked.filter(|wanted| *wanted != present.is_locked) {
            administration.restrict(caller, user_id, Restriction::Lock, is_locked).await?;
        }
        if let Some(user_type) = change.user_type.filter(|wanted| *wanted != present.user_type) {
            administration.set_type(caller, user_id, user_type).await?;
        }
        self.set_profile(caller, user_id, "displayname", change.display_name).await?;
        self.set_profile(caller, user_id, "avatar_url", change.avatar_url).await?;
        if is_to_close == Some(true) {
            administration.deactivate_for(caller, user_id, false).await?;
        }
        Ok(())
    }

    async fn set_profile(&self, caller: &User, user_id: &UserId, field: &str, value: Option<String>) -> Result<()> {
        let Some(value) = value else { return Ok(()) };
        let owner = self.accounts.administration.stand_in(caller, user_id).await?;
        let change = self.accounts.profiles.set(&owner, user_id, field, Some(Value::String(value))).await?;
        if change.is_some() {
            self.record(Self::act(caller, "user.profile").on(user_id).detail("field", field)).await?;
        }
        self.memberships.follow(change).await;
        Ok(())
    }

    /// The version of the terms that a user accepted last, and when.
    pub async fn accepted_terms(&self, user: UserNid) -> Result<Option<(String, i64)>> {
        let accepted = terms::list(&mut *self.conn().await?, user).await?;
        Ok(accepted.into_iter().next_back().map(|(_, version, at)| (version, at)))
    }

    /// Whose an e-mail address is.
    pub async fn owner_of_email(&self, address: &str) -> Result<OwnedUserId> {
        let owner = self.accounts.emails.find_owner(address).await?;
        let owner = owner.ok_or_else(|| Error::not_found("This e-mail address belongs to no account."))?;
        self.storage.user_id(owner).await
    }
}
