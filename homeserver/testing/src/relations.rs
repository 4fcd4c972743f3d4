//! What a user says about what was said: edits, reactions, threads.

use ruma::{EventId, OwnedEventId, RoomId};
use serde_json::{Value, json};

use crate::{Answer, TestUser, segment};

impl TestUser {
    /// Puts other words in the place of an earlier message's.
    pub async fn edit(&self, room: &RoomId, event: &EventId, text: &str) -> OwnedEventId {
        let content = json!({
            "msgtype": "m.text",
            "body": format!("* {text}"),
            "m.new_content": { "msgtype": "m.text", "body": text },
            "m.relates_to": { "rel_type": "m.replace", "event_id": event },
        });
        self.send_event(room, "m.room.message", content).await
    }

    /// Reacts to an event; it must be allowed.
    pub async fn react(&self, room: &RoomId, event: &EventId, key: &str) -> OwnedEventId {
        self.try_react(room, event, key).await.expect("the reaction can be sent")
    }

    /// Tries to react to an event.
    pub async fn try_react(&self, room: &RoomId, event: &EventId, key: &str) -> Answer<OwnedEventId> {
        let content = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": event, "key": key } });
        self.try_send_event(room, "m.reaction", content).await
    }

    /// Says something in a thread; it must be allowed.
    pub async fn say_in_thread(&self, room: &RoomId, root: &EventId, text: &str) -> OwnedEventId {
        self.try_say_in_thread(room, root, text).await.expect("the message can be sent")
    }

    /// Tries to say something in a thread.
    pub async fn try_say_in_thread(&self, room: &RoomId, root: &EventId, text: &str) -> Answer<OwnedEventId> {
        self.try_send_event(room, "m.room.message", related("m.thread", root, text)).await
    }

    /// Says something that refers to an event.
    pub async fn refer(&self, room: &RoomId, event: &EventId, text: &str) -> OwnedEventId {
        self.send_event(room, "m.room.message", related("m.reference", event, text)).await
    }

    /// An event as this user sees it; they must be allowed to.
    pub async fn event(&self, room: &RoomId, event: &EventId) -> Value {
        self.try_event(room, event).await.expect("the event can be read")
    }

    /// Tries to read an event.
    pub async fn try_event(&self, room: &RoomId, event: &EventId) -> Answer<Value> {
        self.get(&format!("/_matrix/client/v3/rooms/{}/event/{}", segment(room.as_str()), segment(event.as_str())))
            .await
    }

    /// What the server says of the events that relate to one: its `m.relations`.
    pub async fn bundle(&self, room: &RoomId, event: &EventId) -> Value {
        self.event(room, event).await["unsigned"]["m.relations"].take()
    }

    /// Ignores some users from now on, and nobody else.
    pub async fn ignore(&self, others: &[&TestUser]) {
        let ignored: serde_json::Map<_, _> = others.iter().map(|other| (other.id.to_string(), json!({}))).collect();
        let path = format!("/_matrix/client/v3/user/{}/account_data/m.ignored_user_list", segment(self.id.as_str()));
        self.put(&path, json!({ "ignored_users": ignored })).await.expect("account data can be set");
    }
}

fn related(rel_type: &str, event: &EventId, text: &str) -> Value {
    json!({
        "msgtype": "m.text",
        "body": text,
        "m.relates_to": { "rel_type": rel_type, "event_id": event },
    })
}
