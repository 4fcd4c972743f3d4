//! Events, as the homeserver tells of them. Nothing in them is trusted to have the right type.

use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
use serde::Deserialize;
use serde_json::Value;

/// An event of a room.
#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    /// Its ID.
    pub event_id: OwnedEventId,
    /// Its room.
    pub room_id: OwnedRoomId,
    /// Who sent it.
    pub sender: OwnedUserId,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is the state of, if it is state.
    pub state_key: Option<String>,
    /// Its content.
    #[serde(default)]
    pub content: Value,
    /// When its server says that it was sent.
    #[serde(default)]
    pub origin_server_ts: i64,
    /// What the homeserver adds.
    #[serde(default)]
    pub unsigned: Value,
    /// What it redacts, in room versions before 11.
    redacts: Option<OwnedEventId>,
}

impl Event {
    /// A text in its content.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.content.get(name)?.as_str()
    }

    /// What a user said in words: the body of a message, not that of an edit or of a notice.
    pub fn message(&self) -> Option<&str> {
        let is_message = self.kind == "m.room.message" && self.state_key.is_none();
        let is_edit = self.content.pointer("/m.relates_to/rel_type").is_some_and(|kind| kind == "m.replace");
        let is_said = matches!(self.text("msgtype"), Some("m.text" | "m.emote"));
        self.text("body").filter(|_| is_message && is_said && !is_edit)
    }

    /// Whether it is something that only those can read who have its key.
    pub fn is_encrypted(&self) -> bool {
        self.kind == "m.room.encrypted" && self.state_key.is_none()
    }

    /// Whether it makes its room an encrypted one.
    pub fn turns_on_encryption(&self) -> bool {
        self.kind == "m.room.encryption" && self.state_key.is_some()
    }

    /// The membership that it gives, and to whom.
    pub fn membership(&self) -> Option<(&str, OwnedUserId)> {
        let user = self.state_key.as_deref().filter(|_| self.kind == "m.room.member")?;
        Some((self.text("membership")?, OwnedUserId::try_from(user).ok()?))
    }

    /// The event that this is a reaction to, and with what.
    pub fn reaction(&self) -> Option<(&str, &str)> {
        let relation = self.content.get("m.relates_to").filter(|_| self.kind == "m.reaction")?;
        let is_reaction = relation.get("rel_type").is_some_and(|kind| kind == "m.annotation");
        Some((relation.get("event_id")?.as_str()?, relation.get("key")?.as_str()?)).filter(|_| is_reaction)
    }

    /// The event that this takes the content of.
    pub fn redacted(&self) -> Option<&str> {
        let redacts = || self.redacts.as_ref().map(|id| id.as_str());
        (self.kind == "m.room.redaction").then(|| self.text("redacts").or_else(redacts)).flatten()
    }
}
