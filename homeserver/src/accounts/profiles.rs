//! What users tell others about themselves. Client-server API, "Profiles".

use ruma::{OwnedServerName, OwnedUserId, UserId};
use serde_json::Value;

use super::User;
use crate::{
    Error, Result,
    clock::Clock,
    error::ErrorKind,
    storage::{Conn, Storage, accounts, numbers::UserNid, people, profiles},
};

#[cfg(test)]
mod tests;

/// Most bytes of a field's name.
const LONGEST_NAME: usize = 255;
/// Most bytes of a whole profile.
const LARGEST: usize = 64 << 10;
/// Most characters of a display name, and most bytes of an avatar's URL: both are repeated in the
/// member event of every room.
const LONGEST_DISPLAY_NAME: usize = 256;
const LONGEST_AVATAR_URL: usize = 1000;

const DISPLAY_NAME: &str = "displayname";
const AVATAR_URL: &str = "avatar_url";

/// The profiles of local users.
#[derive(Clone, Debug)]
pub struct Profiles {
    storage: Storage,
    clock: Clock,
    server_name: OwnedServerName,
}

/// A change of a profile that was made. Who keeps copies of profiles, such as the member events of
/// rooms, has to follow it.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileChange {
    /// Whose profile.
    pub user_id: OwnedUserId,
    /// Its number.
    pub user: UserNid,
    /// The field that changed.
    pub field: String,
    /// Its new value; none if the field was deleted.
    pub value: Option<Value>,
}

impl ProfileChange {
    /// Whether the field is repeated in the member events of rooms.
    pub fn concerns_rooms(&self) -> bool {
        is_repeated(&self.field)
    }
}

fn is_repeated(field: &str) -> bool {
    field == DISPLAY_NAME || field == AVATAR_URL
}

impl Profiles {
    /// Profiles of users of `server_name`.
    pub fn new(storage: Storage, clock: Clock, server_name: OwnedServerName) -> Self {
        Self { storage, clock, server_name }
    }

    /// The fields of a local user's profile, with their values as JSON.
    pub async fn list(&self, user_id: &UserId) -> Result<Vec<(String, String)>> {
        let user = self.find_user(user_id).await?;
        profiles::list(&mut *self.storage.conn().await?, user).await
    }

    /// The value of a field of a local user's profile, as JSON.
    pub async fn field(&self, user_id: &UserId, field: &str) -> Result<String> {
        check_name(field)?;
        let user = self.find_user(user_id).await?;
        let found = profiles::find(&mut *self.storage.conn().await?, user, field).await?;
        found.ok_or_else(|| Error::not_found("This profile has no such field."))
    }

    /// Sets a field of the caller's own profile, or deletes it. An empty display name or avatar
    /// deletes too. Returns what changed, if anything did.
    pub async fn set(
        &self,
        caller: &User,
        user_id: &UserId,
        field: &str,
        value: Option<Value>,
    ) -> Result<Option<ProfileChange>> {
        if caller.id != user_id {
            return Err(Error::forbidden("Nobody can change the profile of somebody else."));
        }
        check_name(field)?;
        let value = value.map(|value| check_value(field, value)).transpose()?.flatten();
        let is_changed = self
            .storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                // Two changes at the same time could exceed the limit together.
                accounts::lock_for_update(&mut tx, caller.nid).await?;
                let fields = profiles::list(&mut tx, caller.nid).await?;
                let is_changed = match &value {
                    Some(value) => {
                        let value = value.to_string();
                        check_size(&fields, field, &value)?;
                        let is_changed = !fields.contains(&(field.to_owned(), value.clone()));
                        profiles::upsert(&mut tx, caller.nid, field, &value).await?;
                        is_changed
                    }
                    None => profiles::delete(&mut tx, caller.nid, field).await?,
                };
                if is_changed && is_repeated(field) {
                    self.follow(&mut tx, caller).await?;
                }
                tx.commit().await?;
                Ok(is_changed)
            })
            .await?;
        let change = ProfileChange { user_id: caller.id.clone(), user: caller.nid, field: field.to_owned(), value };
        Ok(is_changed.then_some(change))
    }

    /// Lets the directory find the user by the new name, and notes that their rooms do not show it
    /// yet.
    async fn follow(&self, conn: &mut Conn, user: &User) -> Result<()> {
        let shown = profiles::shown(conn, user.nid).await?;
        let text = |field: &str| shown.get(field).and_then(Value::as_str);
        people::upsert(conn, user.nid, &user.id, text(DISPLAY_NAME), text(AVATAR_URL)).await?;
        people::insert_profile_change(conn, user.nid, self.clock.now_ms()).await
    }

    async fn find_user(&self, user_id: &UserId) -> Result<UserNid> {
        let unknown = || Error::not_found("There is no such user.");
        if user_id.server_name() != self.server_name {
            return Err(unknown());
        }
        let account = accounts::find(&mut *self.storage.conn().await?, user_id).await?;
        account.filter(|account| !account.is_deactivated).map(|account| account.user).ok_or_else(unknown)
    }
}

/// Refuses what no field can be called. Appendices, "Common Namespaced Identifier Grammar".
fn check_name(name: &str) -> Result<()> {
    if name.len() > LONGEST_NAME {
        let message = format!("The name of a profile field has at most {LONGEST_NAME} bytes.");
        return Err(Error::refused(ErrorKind::KeyTooLarge, message));
    }
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let is_namespaced = name.contains('.') && name.split('.').all(is_word);
    if !is_namespaced && ![DISPLAY_NAME, AVATAR_URL].contains(&name) {
        return Err(Error::invalid_param("This is not a possible name of a profile field."));
    }
    Ok(())
}

/// Refuses a value that a field cannot have; nothing is left of an empty one.
fn check_value(field: &str, value: Value) -> Result<Option<Value>> {
    let (must_be_text, is_too_long): (bool, fn(&str) -> bool) = match field {
        DISPLAY_NAME => (true, |text| text.chars().count() > LONGEST_DISPLAY_NAME),
        AVATAR_URL => (true, |text| text.len() > LONGEST_AVATAR_URL),
        "m.tz" => (true, |_| false),
        _ => (false, |_| false),
    };
    match &value {
        Value::String(text) if is_too_long(text) => {
            Err(Error::invalid_param(format!("The value of {field} is too long.")))
        }
        Value::String(text) if text.is_empty() && must_be_text => Ok(None),
        Value::String(_) => Ok(Some(value)),
        _ if must_be_text => Err(Error::bad_json(format!("The value of {field} must be a string."))),
        _ => Ok(Some(value)),
    }
}

/// Refuses if the profile became too large by setting `field` to `value`.
fn check_size(fields: &[(String, String)], field: &str, value: &str) -> Result<()> {
    // Quotes, a colon and a comma for each field, and braces around all.
    let size = |name: &str, value: &str| name.len() + value.len() + 4;
    let others = fields.iter().filter(|(name, _)| name != field).map(|(name, value)| size(name, value));
    let whole = others.sum::<usize>() + size(field, value) + 2;
    if whole > LARGEST {
        return Err(Error::refused(ErrorKind::ProfileTooLarge, "A whole profile has at most 64 KiB."));
    }
    Ok(())
}
