//! Roles: what people may do on the whole server. Who only looks after rooms has none, and may there what
//! their power allows.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ruma::{OwnedUserId, UserId};

use crate::{
    Error, Result,
    clock::Clock,
    matrix::{Access, Bot},
    storage::{self, Storage},
};

/// How long it is remembered who the server's administrators are.
const REMEMBERED: Duration = Duration::from_secs(10);

/// What somebody is, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Sees everything, does nothing.
    Auditor,
    /// Acts in rooms.
    Moderator,
    /// Does everything but give roles.
    Admin,
    /// An administrator of the server.
    Owner,
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Look at cases, rules and people.
    Look,
    /// Kick, ban, mute, warn and redact.
    ActInRooms,
    /// Choose the rooms that are looked after, and the lists that are followed.
    ChooseRooms,
    /// Write access rules.
    WriteRules,
    /// Lock and suspend accounts.
    RestrictAccounts,
    /// Close rooms for good.
    CloseRooms,
    /// Give and take roles.
    GiveRoles,
}

impl Role {
    /// Those that can be given, with their names.
    pub const GIVEN: [(Self, &'static str); 3] =
        [(Self::Admin, "admin"), (Self::Moderator, "moderator"), (Self::Auditor, "auditor")];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::GIVEN.iter().find(|(role, _)| *role == self).map_or("owner", |(_, name)| *name)
    }

    /// The role with a name.
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::GIVEN.iter().find(|(_, known)| *known == name).map(|(role, _)| *role);
        found
            .or((name == "owner").then_some(Self::Owner))
            .ok_or_else(|| Error::invalid(format!("\"{name}\" is no role: there are admin, moderator and auditor.")))
    }

    /// Whether it allows something.
    pub fn may(self, permission: Permission) -> bool {
        let least = match permission {
            Permission::Look => Self::Auditor,
            Permission::ActInRooms => Self::Moderator,
            Permission::ChooseRooms
            | Permission::WriteRules
            | Permission::RestrictAccounts
            | Permission::CloseRooms => Self::Admin,
            Permission::GiveRoles => Self::Owner,
        };
        self >= least
    }
}

/// The server's administrators, with when that was asked.
type Staff = (i64, Arc<[OwnedUserId]>);

/// Knows who has which role; clones share it.
#[derive(Clone, Debug)]
pub struct Roles {
    storage: Storage,
    clock: Clock,
    access: Access,
    bot: Bot,
    staff: Arc<Mutex<Option<Staff>>>,
}

impl Roles {
    /// The roles on the homeserver behind `access`.
    pub fn new(storage: Storage, clock: Clock, access: Access, bot: Bot) -> Self {
        Self { storage, clock, access, bot, staff: Arc::default() }
    }

    /// The role of a user, if they have one.
    pub async fn of(&self, user: &UserId) -> Result<Option<Role>> {
        if !self.bot.is_local(user) {
            return Ok(None);
        }
        if self.staff().await?.iter().any(|administrator| administrator == user) {
            return Ok(Some(Role::Owner));
        }
        let given = storage::roles::find(&mut *self.storage.conn().await?, user).await?;
        given.map(|name| Role::parse(&name)).transpose()
    }

    /// The server's administrators, as they were some seconds ago at most.
    pub async fn staff(&self) -> Result<Arc<[OwnedUserId]>> {
        let now_ms = self.clock.now_ms();
        let remembered = self.staff.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, staff)) = remembered
            && u128::from(now_ms.abs_diff(at)) < REMEMBERED.as_millis()
        {
            return Ok(staff);
        }
        let staff: Arc<[OwnedUserId]> = self.access.staff().await?.into();
        *self.staff.lock().unwrap_or_else(PoisonError::into_inner) = Some((now_ms, staff.clone()));
        Ok(staff)
    }

    /// All who have a role: the administrators, and those to whom one was given.
    pub async fn list(&self) -> Result<Vec<(OwnedUserId, Role)>> {
        let mut all: Vec<_> = self.staff().await?.iter().map(|user| (user.clone(), Role::Owner)).collect();
        for given in storage::roles::list(&mut *self.storage.conn().await?).await? {
            if !all.iter().any(|(user, _)| *user == given.user_id) {
                all.push((given.user_id, Role::parse(&given.role)?));
            }
        }
        Ok(all)
    }

    /// Whether somebody is not to be acted on: the bot, and all who have a role.
    pub async fn is_immune(&self, user: &UserId) -> Result<bool> {
        Ok(user == self.bot.user_id() || self.of(user).await?.is_some())
    }

    /// Gives somebody a role, or takes it.
    pub async fn give(&self, by: &UserId, user: &UserId, role: Option<Role>) -> Result<()> {
        if !self.bot.is_local(user) {
            return Err(Error::forbidden("Only users of this server can have a role."));
        }
        if self.of(user).await? == Some(Role::Owner) {
            return Err(Error::forbidden("Administrators of the server have all rights; no role changes that."));
        }
        let mut conn = self.storage.conn().await?;
        match role {
            Some(Role::Owner) => {
                Err(Error::invalid("An owner is who administrates the server: `salon user make-admin`."))
            }
            Some(role) => storage::roles::put(&mut conn, user, role.name(), by, self.clock.now_ms()).await,
            None => match storage::roles::delete(&mut conn, user).await? {
                true => Ok(()),
                false => Err(Error::not_found("This user has no role.")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Permission, Role};

    #[test]
    fn each_role_may_what_the_lesser_may() {
        assert!(Role::Auditor.may(Permission::Look) && !Role::Auditor.may(Permission::ActInRooms));
        assert!(Role::Moderator.may(Permission::ActInRooms) && !Role::Moderator.may(Permission::WriteRules));
        assert!(Role::Admin.may(Permission::WriteRules) && !Role::Admin.may(Permission::GiveRoles));
        assert!(Role::Owner.may(Permission::GiveRoles));
        assert_eq!(Role::parse(Role::Moderator.name()).expect("a role"), Role::Moderator);
        assert!(Role::parse("king").is_err());
    }
}
