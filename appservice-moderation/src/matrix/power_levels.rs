//! Who may do what in a room.

use ruma::UserId;
use serde_json::{Value, json};

/// Who may do what in a room. Numbers that are none, or are missing, are the specification's.
#[derive(Clone, Debug, Default)]
pub struct PowerLevels {
    content: Value,
    /// Who made the room, and has all power in room versions from 12 on.
    creators: Vec<String>,
}

impl PowerLevels {
    /// What the content of the room's state says; `creators` have all power.
    pub fn new(content: Value, creators: Vec<String>) -> Self {
        Self { content, creators }
    }

    /// The power that it takes to call the whole room.
    pub fn needed_to_call_room(&self) -> i64 {
        self.content.pointer("/notifications/room").and_then(number).unwrap_or(50)
    }

    /// The power of a user.
    pub fn of(&self, user: &UserId) -> i64 {
        if self.creators.iter().any(|creator| creator == user.as_str()) {
            return i64::MAX;
        }
        let own = self.content.get("users").and_then(|users| users.get(user.as_str())).and_then(number);
        own.unwrap_or_else(|| self.needed("users_default", 0))
    }

    /// The power that something takes, by the name that it has in the content.
    pub fn needed(&self, what: &str, default: i64) -> i64 {
        self.content.get(what).and_then(number).unwrap_or(default)
    }

    /// The power that it takes to send a piece of state.
    pub fn needed_for_state(&self, kind: &str) -> i64 {
        let own = self.content.get("events").and_then(|events| events.get(kind)).and_then(number);
        own.unwrap_or_else(|| self.needed("state_default", 50))
    }

    /// The level that is written for a user, if any.
    pub fn written(&self, user: &UserId) -> Option<i64> {
        self.content.get("users")?.get(user.as_str()).and_then(number)
    }

    /// The content with another level for a user; with none, that of all.
    pub fn with(&self, user: &UserId, level: Option<i64>) -> Value {
        let mut content = self.content.clone();
        if !content.get("users").is_some_and(Value::is_object) {
            content["users"] = json!({});
        }
        let Some(users) = content["users"].as_object_mut() else { return content };
        match level {
            Some(level) => users.insert(user.to_string(), level.into()),
            None => users.remove(user.as_str()),
        };
        content
    }
}

/// A number, also one that is written as a text, as rooms of old versions have them.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}
