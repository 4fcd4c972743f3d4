//! The list of this server, on which its operators publish bans for others.

use ruma::{OwnedRoomId, RoomId};
use serde_json::json;

use super::PolicyLists;
use crate::{
    Result,
    actions::Act,
    policy_lists::rule::{Kind, publication},
    storage::settings,
};

/// The setting that holds the list of this server.
const OWN: &str = "own_policy_list";
/// The first part of its alias.
const ALIAS: &str = "_moderation_bans";

impl PolicyLists {
    /// The list of this server, if there is one.
    pub async fn own(&self) -> Result<Option<OwnedRoomId>> {
        let stored = settings::find(&mut *self.parts.storage.conn().await?, OWN).await?;
        Ok(stored.and_then(|id| OwnedRoomId::try_from(String::from_utf8(id).ok()?).ok()))
    }

    pub(super) async fn is_own(&self, room: &RoomId) -> Result<bool> {
        Ok(self.own().await?.is_some_and(|own| own == room))
    }

    /// The list of this server; it is made if there is none. Everybody may read it.
    pub async fn open_own(&self) -> Result<OwnedRoomId> {
        if let Some(own) = self.own().await? {
            return Ok(own);
        }
        let server = self.parts.bot.user_id().server_name();
        let readable = json!({ "history_visibility": "world_readable" });
        let body = json!({
            "preset": "public_chat",
            "name": format!("Bans of {server}"),
            "initial_state": [{ "type": "m.room.history_visibility", "state_key": "", "content": readable }],
            "power_level_content_override": { "events_default": 50 },
        });
        let room = self.parts.bot.make_room(ALIAS, body).await?;
        let now_ms = self.parts.clock.now_ms();
        settings::put(&mut *self.parts.storage.conn().await?, OWN, room.as_str().as_bytes(), now_ms).await?;
        Ok(room)
    }

    /// What publishes a ban on the list `own`, or with no reason takes it from there.
    pub fn publication(&self, own: &RoomId, kind: Kind, entity: &str, reason: Option<&str>) -> Act {
        let (event_type, key, content) = publication(kind, entity, reason.unwrap_or_default());
        let content = if reason.is_some() { content } else { json!({}) };
        Act::SetState { room: own.to_owned(), kind: event_type, key, content }
    }
}
