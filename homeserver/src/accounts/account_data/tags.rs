//! The tags that users put on rooms: account data of the type `m.tag`. Client-server API, "Room
//! Tagging".

use ruma::events::tag::TagInfo;
use serde_json::{Map, Value, json, value::to_raw_value};

use super::AccountData;
use crate::{
    Error, Result,
    storage::numbers::{RoomNid, UserNid},
};

const KIND: &str = "m.tag";
/// Most bytes of a tag's name.
const LONGEST: usize = 255;

impl AccountData {
    /// The tags of a user on a room.
    pub async fn tags(&self, user: UserNid, room: RoomNid) -> Result<Map<String, Value>> {
        let Some(content) = self.find(user, Some(room), KIND).await? else { return Ok(Map::new()) };
        // Clients may have set the whole content to anything.
        let mut content: Value = serde_json::from_str(content.get()).unwrap_or_default();
        Ok(content.get_mut("tags").and_then(Value::as_object_mut).map(std::mem::take).unwrap_or_default())
    }

    /// Puts a tag on a room, or changes its order.
    pub async fn set_tag(&self, user: UserNid, room: RoomNid, tag: String, info: &TagInfo) -> Result<()> {
        if tag.len() > LONGEST {
            return Err(Error::invalid_param(format!("A tag has at most {LONGEST} bytes.")));
        }
        let info = serde_json::to_value(info).map_err(|fault| Error::bad_json(fault.to_string()))?;
        self.change_tags(user, room, |tags| drop(tags.insert(tag, info))).await
    }

    /// Takes a tag off a room.
    pub async fn delete_tag(&self, user: UserNid, room: RoomNid, tag: &str) -> Result<()> {
        self.change_tags(user, room, |tags| drop(tags.remove(tag))).await
    }

    async fn change_tags(
        &self,
        user: UserNid,
        room: RoomNid,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> Result<()> {
        let _turn = self.turns.take(user).await;
        let mut tags = self.tags(user, room).await?;
        change(&mut tags);
        let content = to_raw_value(&json!({ "tags": tags })).map_err(|fault| Error::internal(fault.to_string()))?;
        self.set(user, Some(room), KIND, content).await
    }
}
