//! What the names of local users may look like.

use globset::{Glob, GlobSet, GlobSetBuilder};
use ruma::{OwnedUserId, ServerName, UserId};

use crate::{Error, Result, error::ErrorKind};

#[cfg(test)]
mod tests;

/// Most bytes of a whole user ID.
const LONGEST: usize = 255;
/// Letters of a generated name.
const GENERATED: usize = 12;

/// The user ID that registering `name` leads to. Capitals are lowered; other characters must be
/// those of new user IDs (appendices, "User Identifiers").
pub fn user_id(name: &str, server_name: &ServerName) -> Result<OwnedUserId> {
    if name.starts_with('_') {
        return Err(Error::invalid_username("A user name does not begin with an underscore."));
    }
    any_user_id(name, server_name)
}

/// The same for application services, whose users' names may begin with an underscore.
pub fn any_user_id(name: &str, server_name: &ServerName) -> Result<OwnedUserId> {
    let name = name.to_ascii_lowercase();
    let is_possible = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._=-/+".contains(c);
    if name.is_empty() || !name.chars().all(is_possible) {
        return Err(Error::invalid_username("A user name has the characters a-z, 0-9, . _ = - / + only."));
    }
    let too_long = || Error::invalid_username("This user name is too long.");
    let user_id = UserId::parse_with_server_name(name, server_name).map_err(|_| too_long())?;
    if user_id.as_str().len() > LONGEST { Err(too_long()) } else { Ok(user_id) }
}

/// The localpart that comes nearest to what somebody is called elsewhere, be it an e-mail address.
pub fn suggestion(name: &str) -> Option<String> {
    let name = name.split('@').next().unwrap_or_default().to_lowercase();
    let possible = |c: char| if c.is_ascii_alphanumeric() || "._=-/+".contains(c) { c } else { '_' };
    let name: String = name.chars().map(possible).collect();
    let name = name.trim_matches('_');
    (!name.is_empty()).then(|| name.to_owned())
}

/// A name for somebody who chose none.
pub fn generate() -> String {
    crate::secrets::capitals(GENERATED).to_ascii_lowercase()
}

/// The user ID that somebody who logs in as `user` may mean: `user` is a whole user ID or a
/// localpart. Existing users may have names that could not be registered now.
pub fn parse(user: &str, server_name: &ServerName) -> Option<OwnedUserId> {
    if user.starts_with('@') {
        let user_id = UserId::parse(user).ok()?;
        return (user_id.server_name() == server_name).then_some(user_id);
    }
    UserId::parse_with_server_name(user, server_name).ok()
}

/// Names that nobody can register.
#[derive(Clone, Debug)]
pub struct Reserved(GlobSet);

impl Reserved {
    /// Names that match one of `patterns`.
    pub fn new(patterns: &[String]) -> Result<Self> {
        let malformed = |fault| Error::internal(format!("registration.reserved_names: {fault}"));
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            set.add(Glob::new(pattern).map_err(malformed)?);
        }
        Ok(Self(set.build().map_err(malformed)?))
    }

    /// Refuses `localpart` if it is reserved.
    pub fn check(&self, localpart: &str) -> Result<()> {
        if self.0.is_match(localpart) {
            return Err(Error::refused(ErrorKind::Exclusive, "This user name is reserved."));
        }
        Ok(())
    }
}
