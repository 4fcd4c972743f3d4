//! Takes along what people have set for a room when they follow it into its successor.
//! Client-server API, "Room upgrades".

use ruma::{OwnedRoomId, RoomId};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, value::to_raw_value};

use super::Memberships;
use crate::{
    Error, Result,
    accounts::User,
    rooms::view::View,
    storage::numbers::{RoomNid, UserNid},
};

impl Memberships {
    /// Copies the tags, push rules and the mark of a direct chat from the room that `view` replaced,
    /// if `user` had to do with that.
    pub async fn take_along(&self, user: &User, view: &View) -> Result<()> {
        let Some(old_id) = predecessor(view) else { return Ok(()) };
        let Some(old) = self.rooms.find_nid(&old_id).await? else { return Ok(()) };
        if !self.rooms.residents().load(user.nid).await?.contains_key(&old) {
            return Ok(());
        }
        let _turn = self.account_data.turn(user.nid).await;
        self.take_tags(user.nid, old, view.nid).await?;
        self.change(user.nid, "m.direct", |chats| add_direct(chats, &old_id, &view.id)).await?;
        self.change(user.nid, "m.push_rules", |rules| copy_rules(rules, &old_id, &view.id)).await
    }

    async fn take_tags(&self, user: UserNid, old: RoomNid, new: RoomNid) -> Result<()> {
        if self.account_data.find(user, Some(new), "m.tag").await?.is_some() {
            return Ok(());
        }
        match self.account_data.find(user, Some(old), "m.tag").await? {
            Some(tags) => self.account_data.set(user, Some(new), "m.tag", tags).await,
            None => Ok(()),
        }
    }

    /// Changes global account data, if there are any of that type and `change` says that it did.
    async fn change<T: DeserializeOwned + serde::Serialize>(
        &self,
        user: UserNid,
        kind: &str,
        change: impl FnOnce(&mut T) -> bool,
    ) -> Result<()> {
        let Some(content) = self.account_data.find(user, None, kind).await? else { return Ok(()) };
        // What a client has put there in another form stays as it is.
        let Ok(mut content) = serde_json::from_str::<T>(content.get()) else { return Ok(()) };
        if !change(&mut content) {
            return Ok(());
        }
        let content = to_raw_value(&content).map_err(|fault| Error::internal(fault.to_string()))?;
        self.account_data.set(user, None, kind, content).await
    }
}

fn predecessor(view: &View) -> Option<OwnedRoomId> {
    #[derive(Deserialize)]
    struct Creation {
        predecessor: Option<Predecessor>,
    }
    #[derive(Deserialize)]
    struct Predecessor {
        room_id: OwnedRoomId,
    }
    Some(view.create()?.content_as::<Creation>()?.predecessor?.room_id)
}

/// Names the new room wherever the old one is a direct chat.
fn add_direct(chats: &mut Map<String, Value>, old: &RoomId, new: &RoomId) -> bool {
    let mut is_changed = false;
    for rooms in chats.values_mut().filter_map(Value::as_array_mut) {
        if rooms.iter().any(|room| room == old.as_str()) && !rooms.iter().any(|room| room == new.as_str()) {
            rooms.push(new.as_str().into());
            is_changed = true;
        }
    }
    is_changed
}

/// Repeats for the new room the rules that are about the old one: those called like it, and those
/// with a condition that names it.
fn copy_rules(content: &mut Map<String, Value>, old: &RoomId, new: &RoomId) -> bool {
    let Some(kinds) = content.get_mut("global").and_then(Value::as_object_mut) else { return false };
    let mut is_changed = false;
    for rules in kinds.values_mut().filter_map(Value::as_array_mut) {
        let before = std::mem::take(rules);
        let is_known = |copy: &Value| before.iter().any(|rule| rule.get("rule_id") == copy.get("rule_id"));
        for rule in &before {
            rules.push(rule.clone());
            // Right behind, because of two rules that fit the first one counts.
            if let Some(copy) = copy_of(rule, old, new).filter(|copy| !is_known(copy)) {
                rules.push(copy);
                is_changed = true;
            }
        }
    }
    is_changed
}

fn copy_of(rule: &Value, old: &RoomId, new: &RoomId) -> Option<Value> {
    let mut copy = rule.clone();
    let id = rule.get("rule_id")?.as_str()?;
    let conditions = copy.get_mut("conditions").and_then(Value::as_array_mut).into_iter().flatten();
    let mut names_room = id == old.as_str();
    for condition in conditions {
        if condition.get("key").is_some_and(|key| key == "room_id")
            && condition.get("pattern").is_some_and(|pattern| pattern == old.as_str())
        {
            condition["pattern"] = new.as_str().into();
            names_room = true;
        }
    }
    let id = if id.contains(old.as_str()) { id.replace(old.as_str(), new.as_str()) } else { format!("{id}_{new}") };
    copy["rule_id"] = id.into();
    names_room.then_some(copy)
}

#[cfg(test)]
mod tests;
