//! What a user tells the server of their attention: what they read, where they type.

use ruma::{EventId, RoomId};
use serde_json::{Value, json};

use crate::{Answer, TestUser, segment};

impl TestUser {
    /// Sends a public, unthreaded read receipt; it must be allowed.
    pub async fn read(&self, room: &RoomId, event: &EventId) {
        self.try_receipt(room, "m.read", event, json!({})).await.expect("the receipt can be sent");
    }

    /// Sends a public read receipt for a thread, or for `main`; it must be allowed.
    pub async fn read_thread(&self, room: &RoomId, event: &EventId, thread: &str) {
        let body = json!({ "thread_id": thread });
        self.try_receipt(room, "m.read", event, body).await.expect("the receipt can be sent");
    }

    /// Tries to send a receipt.
    pub async fn try_receipt(&self, room: &RoomId, kind: &str, event: &EventId, body: Value) -> Answer<Value> {
        let (room, kind, event) = (segment(room.as_str()), segment(kind), segment(event.as_str()));
        self.post(&format!("/_matrix/client/v3/rooms/{room}/receipt/{kind}/{event}"), body).await
    }

    /// Says that this user is typing, or is not; it must be allowed.
    pub async fn typing(&self, room: &RoomId, body: Value) {
        self.try_typing(room, self, body).await.expect("the server takes note");
    }

    /// Tries to say of `who` that they are typing.
    pub async fn try_typing(&self, room: &RoomId, who: &TestUser, body: Value) -> Answer<Value> {
        let (room, who) = (segment(room.as_str()), segment(who.id.as_str()));
        self.put(&format!("/_matrix/client/v3/rooms/{room}/typing/{who}"), body).await
    }
}
