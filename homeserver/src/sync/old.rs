//! The endpoints that came before `/sync`, told from its answers. Client-server API, "Syncing", deprecated.

use std::time::Duration;

use ruma::{
    RoomId,
    api::client::{
        filter::FilterDefinition,
        sync::sync_events::v3::{Filter, Request},
    },
};
use serde_json::{Map, Value, json};

use super::{Sync, token::SyncToken};
use crate::{Error, Result, accounts::User, ephemeral::receipts::content_of, storage::directory::lists};

/// Events of a room that are told at once, at most, where the client does not say how many.
const EVENTS: u32 = 20;
const MANY_EVENTS: u32 = 500;
/// How long a request waits that does not say it.
const WAIT: Duration = Duration::from_secs(30);

impl Sync {
    /// Everything: the rooms of a user, with those that they have left if `archived`, who is there, and
    /// account data. `limit` is how many events are told of each room.
    pub async fn initial(&self, user: User, limit: Option<u32>, archived: bool) -> Result<String> {
        let mut request = Request::new();
        request.filter = Some(filter(limit.unwrap_or(EVENTS), archived));
        request.use_state_after = true;
        let mut told = self.told(user.clone(), request).await?;
        let end = told["next_batch"].take();
        let (mut rooms, mut receipts) = (Vec::new(), Vec::new());
        for (membership, id, mut room) in rooms_of(&mut told) {
            let mut entry = match membership {
                "invite" => invitation(&user, events_of(&mut room["invite_state"], &id)),
                _ => known(&mut room, &end, &id),
            };
            receipts.extend(
                events_of(&mut room["ephemeral"], &id).into_iter().filter(|event| event["type"] == "m.receipt"),
            );
            entry["room_id"] = id.as_str().into();
            entry["membership"] = membership.into();
            entry["visibility"] = if self.is_published(&id).await? { "public" } else { "private" }.into();
            rooms.push(entry);
        }
        let mut account_data = take_events(&mut told["account_data"]);
        // There was another endpoint for them.
        account_data.retain(|event| event["type"] != "m.push_rules");
        let answer = json!({
            "end": end,
            "rooms": rooms,
            "presence": presences(&mut told),
            "account_data": account_data,
            "receipts": receipts,
        });
        Ok(answer.to_string())
    }

    /// A room as the user may know it, with who is there and what they have read, if the user is in it.
    pub async fn initial_of_room(&self, user: &User, room_id: &RoomId, limit: Option<u32>) -> Result<String> {
        let limit = usize::try_from(limit.unwrap_or(EVENTS)).unwrap_or(usize::MAX);
        let mut told = parse(&self.reading.peek(user, room_id, limit).await?)?;
        let (mut presence, mut receipts) = (Vec::new(), Vec::new());
        let view = self.rooms.find(room_id).await?;
        if let Some(view) = view.filter(|view| view.is_joined(user.nid)) {
            for seen in self.presence.changed_since(0, |other| view.is_joined(other)) {
                let mut event = String::new();
                seen.write_event(&mut event);
                presence.push(with_user(parse(&event)?));
            }
            let read = self.receipts.of_rooms(&[view.nid], user.nid).await?.remove(&view.nid).unwrap_or_default();
            if !read.is_empty() {
                let content = parse(&content_of(&read, user.nid))?;
                receipts.push(json!({ "type": "m.receipt", "room_id": room_id, "content": content }));
            }
        }
        for part in ["/state", "/messages/chunk"] {
            for event in told.pointer_mut(part).and_then(Value::as_array_mut).into_iter().flatten() {
                event["user_id"] = event["sender"].clone();
            }
        }
        told["presence"] = presence.into();
        told["receipts"] = receipts.into();
        Ok(told.to_string())
    }

    /// What happened after `from`, or happens from now on, in all rooms of a user; waits for it if nothing has.
    pub async fn events(&self, user: User, from: Option<String>, wait: Option<Duration>) -> Result<String> {
        let now = || SyncToken { ephemeral: self.typing.counter(), position: self.tail.view().head(), to_device: None };
        let start = from.unwrap_or_else(|| now().to_string());
        let mut request = Request::new();
        request.since = Some(start.clone());
        request.filter = Some(filter(MANY_EVENTS, false));
        request.timeout = Some(wait.unwrap_or(WAIT));
        let mut told = self.told(user, request).await?;
        let mut chunk = Vec::new();
        for (membership, id, mut room) in rooms_of(&mut told) {
            let parts: &[&str] = match membership {
                "invite" => &["invite_state"],
                _ => &["timeline", "ephemeral", "account_data"],
            };
            for part in parts {
                chunk.extend(events_of(&mut room[*part], &id));
            }
        }
        chunk.extend(presences(&mut told));
        chunk.extend(take_events(&mut told["account_data"]));
        Ok(json!({ "start": start, "end": told["next_batch"], "chunk": chunk }).to_string())
    }

    /// An answer of `/sync`, but for what goes to one device: that would be lost here.
    async fn told(&self, user: User, request: Request) -> Result<Value> {
        let user = User { device_id: None, ..user };
        parse(&self.sync(user, request).await?)
    }

    async fn is_published(&self, id: &str) -> Result<bool> {
        let Some(room) = <&RoomId>::try_from(id).ok() else { return Ok(false) };
        match self.rooms.find_nid(room).await? {
            Some(room) => lists::is_published(&mut *self.storage.conn().await?, room).await,
            None => Ok(false),
        }
    }
}

fn parse(answer: &str) -> Result<Value> {
    serde_json::from_str(answer).map_err(|fault| Error::internal(format!("an answer is no JSON: {fault}")))
}

fn filter(limit: u32, archived: bool) -> Filter {
    let mut definition = FilterDefinition::default();
    definition.room.timeline.limit = Some(limit.into());
    definition.room.include_leave = archived;
    Filter::FilterDefinition(definition)
}

/// The rooms of an answer: what the user is in them, their IDs, what is told of them.
fn rooms_of(told: &mut Value) -> Vec<(&'static str, String, Value)> {
    let mut rooms = Vec::new();
    for membership in ["join", "invite", "leave"] {
        let part = told["rooms"][membership].take();
        let Value::Object(part) = part else { continue };
        rooms.extend(part.into_iter().map(|(id, room)| (membership, id, room)));
    }
    rooms
}

/// A room that the user is in, or was.
fn known(room: &mut Value, end: &Value, id: &str) -> Value {
    let start = room["timeline"]["prev_batch"].take();
    json!({
        "messages": { "start": start, "end": end, "chunk": events_of(&mut room["timeline"], id) },
        "state": events_of(&mut room["state_after"], id),
        "account_data": take_events(&mut room["account_data"]),
    })
}

fn invitation(user: &User, events: Vec<Value>) -> Value {
    let invite =
        events.into_iter().find(|event| event["type"] == "m.room.member" && event["state_key"] == user.id.as_str());
    let inviter = invite.as_ref().map(|invite| invite["sender"].clone());
    json!({ "inviter": inviter, "invite": invite })
}

fn take_events(part: &mut Value) -> Vec<Value> {
    match part.get_mut("events").map(Value::take) {
        Some(Value::Array(events)) => events,
        _ => Vec::new(),
    }
}

fn presences(told: &mut Value) -> Vec<Value> {
    take_events(&mut told["presence"]).into_iter().map(with_user).collect()
}

/// A presence event that says in its content, too, of whom it tells.
fn with_user(mut event: Value) -> Value {
    event["content"]["user_id"] = event["sender"].clone();
    event
}

/// The events of a part of a room, each with the room's ID.
fn events_of(part: &mut Value, room_id: &str) -> Vec<Value> {
    let mut events = take_events(part);
    for event in events.iter_mut().filter_map(Value::as_object_mut) {
        let event: &mut Map<String, Value> = event;
        event.insert("room_id".to_owned(), room_id.into());
        // What the sender was called then.
        if let Some(sender) = event.get("sender").cloned() {
            event.insert("user_id".to_owned(), sender);
        }
    }
    events
}
