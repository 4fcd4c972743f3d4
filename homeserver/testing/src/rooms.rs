//! What a user does in rooms.

use ruma::{
    OwnedEventId, OwnedRoomId, RoomId,
    api::client::{
        membership::{ban_user, invite_user, join_room_by_id, kick_user, leave_room},
        room::create_room,
    },
};
use serde_json::{Value, json};

use crate::{Answer, TestUser};

/// Encodes a path segment.
pub fn segment(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

impl TestUser {
    /// Creates a room with the default preset.
    pub async fn create_room(&self) -> OwnedRoomId {
        self.send(create_room::v3::Request::new()).await.expect("a room can be created").room_id
    }

    /// Creates a room from a request body.
    pub async fn create_room_with(&self, body: Value) -> OwnedRoomId {
        let answer = self.post("/_matrix/client/v3/createRoom", body).await.expect("a room can be created");
        answer["room_id"].as_str().and_then(|id| OwnedRoomId::try_from(id).ok()).expect("a room ID")
    }

    /// Creates a room that everybody may join.
    pub async fn create_public_room(&self) -> OwnedRoomId {
        self.create_room_with(json!({ "preset": "public_chat" })).await
    }

    /// Joins a room; it must be allowed.
    pub async fn join(&self, room: &RoomId) {
        self.try_join(room).await.expect("the room can be joined");
    }

    /// Tries to join a room.
    pub async fn try_join(&self, room: &RoomId) -> Answer<join_room_by_id::v3::Response> {
        self.send(join_room_by_id::v3::Request::new(room.to_owned())).await
    }

    /// Knocks on a room; it must be allowed.
    pub async fn knock(&self, room: &RoomId) {
        self.try_act(room, "knock", json!({})).await.expect("one can knock on the room");
    }

    /// Tries to act on a room: `POST rooms/{room}/{act}`, or for a knock `POST knock/{room}`.
    pub async fn try_act(&self, room: &RoomId, act: &str, body: Value) -> Answer<Value> {
        let path = match act {
            "knock" => format!("/_matrix/client/v3/knock/{}", segment(room.as_str())),
            _ => format!("/_matrix/client/v3/rooms/{}/{act}", segment(room.as_str())),
        };
        self.post(&path, body).await
    }

    /// Tries to act on another user in a room: to `invite`, `kick`, `ban` or `unban` them.
    pub async fn try_act_on(&self, room: &RoomId, act: &str, other: &TestUser) -> Answer<Value> {
        self.try_act(room, act, json!({ "user_id": other.id })).await
    }

    /// The content of a piece of the room's state.
    pub async fn state(&self, room: &RoomId, kind: &str, state_key: &str) -> Answer<Value> {
        let path = format!(
            "/_matrix/client/v3/rooms/{}/state/{}/{}",
            segment(room.as_str()),
            segment(kind),
            segment(state_key)
        );
        self.get(&path).await
    }

    /// What another user is in a room, as this one sees it.
    pub async fn membership_of(&self, room: &RoomId, other: &TestUser) -> String {
        let content = self.state(room, "m.room.member", other.id.as_str()).await.expect("the user has a membership");
        content["membership"].as_str().expect("a membership").to_owned()
    }

    /// Leaves a room.
    pub async fn leave(&self, room: &RoomId) {
        self.send(leave_room::v3::Request::new(room.to_owned())).await.expect("the room can be left");
    }

    /// Invites another user.
    pub async fn invite(&self, room: &RoomId, other: &TestUser) {
        let recipient =
            invite_user::v3::InvitationRecipient::UserId(invite_user::v3::InviteUserId::new(other.id.clone()));
        self.send(invite_user::v3::Request::new(room.to_owned(), recipient)).await.expect("the user can be invited");
    }

    /// Removes another user.
    pub async fn kick(&self, room: &RoomId, other: &TestUser) {
        self.send(kick_user::v3::Request::new(room.to_owned(), other.id.clone()))
            .await
            .expect("the user can be kicked");
    }

    /// Bans another user.
    pub async fn ban(&self, room: &RoomId, other: &TestUser) {
        self.send(ban_user::v3::Request::new(room.to_owned(), other.id.clone())).await.expect("the user can be banned");
    }

    /// Says something in a room; it must be allowed.
    pub async fn say(&self, room: &RoomId, text: &str) -> OwnedEventId {
        self.try_say(room, text).await.expect("the message can be sent")
    }

    /// Tries to say something in a room.
    pub async fn try_say(&self, room: &RoomId, text: &str) -> Answer<OwnedEventId> {
        self.try_send_event(room, "m.room.message", json!({ "msgtype": "m.text", "body": text })).await
    }

    /// Sends a message event; it must be allowed.
    pub async fn send_event(&self, room: &RoomId, kind: &str, content: Value) -> OwnedEventId {
        self.try_send_event(room, kind, content).await.expect("the event can be sent")
    }

    /// Tries to send a message event.
    pub async fn try_send_event(&self, room: &RoomId, kind: &str, content: Value) -> Answer<OwnedEventId> {
        let txn_id = homeserver::secrets::identifier(16);
        let path = format!("/_matrix/client/v3/rooms/{}/send/{}/{txn_id}", segment(room.as_str()), segment(kind));
        event_id(self.put(&path, content).await)
    }

    /// Sends a state event; it must be allowed.
    pub async fn set_state(&self, room: &RoomId, kind: &str, state_key: &str, content: Value) -> OwnedEventId {
        self.try_set_state(room, kind, state_key, content).await.expect("the state can be set")
    }

    /// Tries to send a state event.
    pub async fn try_set_state(
        &self,
        room: &RoomId,
        kind: &str,
        state_key: &str,
        content: Value,
    ) -> Answer<OwnedEventId> {
        let path = format!(
            "/_matrix/client/v3/rooms/{}/state/{}/{}",
            segment(room.as_str()),
            segment(kind),
            segment(state_key)
        );
        event_id(self.put(&path, content).await)
    }

    /// Redacts an event; it must be allowed.
    pub async fn redact(&self, room: &RoomId, event: &ruma::EventId) -> OwnedEventId {
        let txn_id = homeserver::secrets::identifier(16);
        let path =
            format!("/_matrix/client/v3/rooms/{}/redact/{}/{txn_id}", segment(room.as_str()), segment(event.as_str()));
        event_id(self.put(&path, json!({})).await).expect("the event can be redacted")
    }

    /// The newest messages of a room, newest first.
    pub async fn messages(&self, room: &RoomId, limit: usize) -> Vec<Value> {
        let path = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit={limit}", segment(room.as_str()));
        let answer = self.get(&path).await.expect("the messages can be read");
        answer["chunk"].as_array().cloned().expect("a chunk")
    }
}

fn event_id(answer: Answer<Value>) -> Answer<OwnedEventId> {
    let answer = answer?;
    Ok(answer["event_id"].as_str().and_then(|id| OwnedEventId::try_from(id).ok()).expect("an event ID"))
}
