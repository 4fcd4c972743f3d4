//! What the bot says by itself, and what comes of it.

use homeserver_testing::TestUser;
use ruma::RoomId;
use serde_json::{Value, json};

use super::World;

impl World {
    /// Waits until the bot has said something in the operators' room with `text` in it: its body and its ID.
    pub async fn heard(&self, text: &str) -> (String, String) {
        self.until(&format!("the bot says {text:?}"), async || self.find_said(text).await.is_some()).await;
        self.find_said(text).await.expect("it was there a moment ago")
    }

    /// What the bot has said in the operators' room with `text` in it.
    pub async fn find_said(&self, text: &str) -> Option<(String, String)> {
        let messages = self.root.messages(&self.operators, 50).await;
        let is_it = |event: &&Value| {
            event["sender"] == self.app.bot.user_id().as_str()
                && event["content"]["body"].as_str().is_some_and(|body| body.contains(text))
        };
        let event = messages.iter().find(is_it)?;
        Some((event["content"]["body"].as_str()?.to_owned(), event["event_id"].as_str()?.to_owned()))
    }

    /// All that the bot has said in a room, the newest first, as a user of it sees that.
    pub async fn said(&self, user: &TestUser, room: &RoomId) -> Vec<String> {
        let messages = user.messages(room, 100).await;
        let of_bot = messages.iter().filter(|event| event["sender"] == self.app.bot.user_id().as_str());
        of_bot.filter_map(|event| event["content"]["body"].as_str().map(ToOwned::to_owned)).collect()
    }

    /// Waits until the bot has said something in a room with `text` in it.
    pub async fn until_said(&self, user: &TestUser, room: &RoomId, text: &str) {
        let what = format!("the bot says {text:?}");
        self.until(&what, async || self.said(user, room).await.iter().any(|said| said.contains(text))).await;
    }

    /// Reacts to a message in the operators' room as `root`.
    pub async fn react(&self, event_id: &str, key: &str) {
        let relation = json!({ "rel_type": "m.annotation", "event_id": event_id, "key": key });
        self.root.send_event(&self.operators, "m.reaction", json!({ "m.relates_to": relation })).await;
    }

    /// Waits until an event of a room has no content any more.
    pub async fn until_redacted(&self, room: &RoomId, event_id: &ruma::EventId) {
        self.until("the event is redacted", async || self.is_redacted(room, event_id).await).await;
    }

    /// Whether an event of a room has no content any more.
    pub async fn is_redacted(&self, room: &RoomId, event_id: &ruma::EventId) -> bool {
        let owner = self.bot();
        let messages = owner.messages(room, 100).await;
        let event = messages.iter().find(|event| event["event_id"] == event_id.as_str());
        event.expect("the event is there")["content"] == json!({})
    }

    /// Waits until a user has this membership in a room.
    pub async fn until_member_is(&self, room: &RoomId, user: &TestUser, membership: &str) {
        let what = format!("{} has the membership {membership}", user.id);
        self.until(&what, async || self.membership(room, user).await == membership).await;
    }

    /// The membership of a user in a room.
    pub async fn membership(&self, room: &RoomId, user: &TestUser) -> String {
        let content = self.bot().state(room, "m.room.member", user.id.as_str()).await.unwrap_or_default();
        content["membership"].as_str().unwrap_or("none").to_owned()
    }

    /// The bot, as a user of the homeserver.
    pub fn bot(&self) -> TestUser {
        let localpart = self.app.bot.user_id().localpart();
        TestUser::anonymous(&self.server, localpart).with_session("NONE", "the token of moderation")
    }

    /// Waits until the bot has looked at everything that was sent to a room before: it answers a command then.
    pub async fn settled(&self) {
        self.command("!mod help").await;
    }

    /// Chooses something about protections, and fails the test if that is refused.
    pub async fn protect(&self, text: &str) {
        let answer = self.command(&format!("!mod protect {text}")).await;
        assert!(answer.contains("now in"), "{answer}");
    }
}
