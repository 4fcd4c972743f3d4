//! What people say in rooms, and read there.

use anyhow::{Context, Result};
use matrix_sdk::{
    Room,
    deserialized_responses::TimelineEvent,
    room::{
        MessagesOptions,
        edit::EditedContent,
        reply::{EnforceThread, Reply},
    },
    ruma::{
        EventId, OwnedEventId, RoomId,
        api::client::room::get_room_event,
        events::{
            Mentions,
            reaction::ReactionEventContent,
            relation::Annotation,
            room::message::{
                AddMentions, ReplyWithinThread, RoomMessageEventContent, RoomMessageEventContentWithoutRelation,
            },
        },
        uint,
    },
};
use serde_json::Value;

use super::Person;

impl Person {
    /// Says something.
    pub async fn say(&self, room: &RoomId, text: &str) -> Result<OwnedEventId> {
        let sent = self.room(room)?.send(RoomMessageEventContent::text_plain(text)).await?;
        Ok(sent.response.event_id)
    }

    /// Answers in a thread that begins with, or contains, an event.
    pub async fn say_in_thread(&self, room: &RoomId, event: &EventId, text: &str) -> Result<OwnedEventId> {
        self.answer(room, event, text, EnforceThread::Threaded(ReplyWithinThread::No)).await
    }

    /// Replies to an event.
    pub async fn reply(&self, room: &RoomId, event: &EventId, text: &str) -> Result<OwnedEventId> {
        self.answer(room, event, text, EnforceThread::Unthreaded).await
    }

    async fn answer(
        &self,
        room: &RoomId,
        event: &EventId,
        text: &str,
        enforce_thread: EnforceThread,
    ) -> Result<OwnedEventId> {
        let room = self.room(room)?;
        let content = RoomMessageEventContentWithoutRelation::text_plain(text);
        let reply = Reply { event_id: event.to_owned(), enforce_thread, add_mentions: AddMentions::Yes };
        let content = room.make_reply_event(content, reply).await?;
        Ok(room.send(content).await?.response.event_id)
    }

    /// Corrects what they said.
    pub async fn edit(&self, room: &RoomId, event: &EventId, text: &str) -> Result<OwnedEventId> {
        let room = self.room(room)?;
        let content = EditedContent::RoomMessage(RoomMessageEventContentWithoutRelation::text_plain(text));
        let content = room.make_edit_event(event, content).await?;
        Ok(room.send(content).await?.response.event_id)
    }

    /// Reacts to an event.
    pub async fn react(&self, room: &RoomId, event: &EventId, key: &str) -> Result<OwnedEventId> {
        let reaction = ReactionEventContent::new(Annotation::new(event.to_owned(), key.to_owned()));
        Ok(self.room(room)?.send(reaction).await?.response.event_id)
    }

    /// Mentions somebody.
    pub async fn mention(&self, room: &RoomId, whom: &Person, text: &str) -> Result<OwnedEventId> {
        let content = RoomMessageEventContent::text_plain(text).add_mentions(Mentions::with_user_ids([whom.id()]));
        Ok(self.room(room)?.send(content).await?.response.event_id)
    }

    /// Waits until an event can be fetched and, where it is encrypted, be read.
    pub async fn read(&self, room: &RoomId, event: &EventId) -> Result<Seen> {
        let readable = async || {
            let Some(room) = self.client.get_room(room) else { return Ok(None) };
            let Ok(found) = room.event(event, None).await else { return Ok(None) };
            Ok((!found.kind.is_utd()).then(|| Seen::from(&found)))
        };
        self.until("something to read", readable).await
    }

    /// The event as the server has it.
    pub async fn stored(&self, room: &RoomId, event: &EventId) -> Result<Value> {
        let request = get_room_event::v3::Request::new(room.to_owned(), event.to_owned());
        let answer = self.client.send(request).await?;
        Ok(serde_json::from_str(answer.event.json().get())?)
    }

    /// All that was said in a room, oldest first, read backwards in pages of ten; what cannot be
    /// decrypted is told as such.
    pub async fn history(&self, room: &RoomId) -> Result<Vec<String>> {
        let room = self.room(room)?;
        let mut said = Vec::new();
        let mut from = None;
        loop {
            let (page, end) = page(&room, from).await?;
            said.extend(page);
            if end.is_none() {
                break;
            }
            from = end;
        }
        said.reverse();
        Ok(said)
    }
}

async fn page(room: &Room, from: Option<String>) -> Result<(Vec<String>, Option<String>)> {
    let mut options = MessagesOptions::backward();
    options.from = from;
    options.limit = uint!(10);
    let page = room.messages(options).await?;
    let said = page.chunk.iter().filter_map(|event| match Seen::from(event) {
        seen if seen.kind == "m.room.encrypted" => Some("(not decrypted)".to_owned()),
        seen => seen.content["body"].as_str().map(ToOwned::to_owned),
    });
    Ok((said.collect(), page.end))
}

/// An event as a person sees it.
#[derive(Debug)]
pub struct Seen {
    /// Its type.
    pub kind: String,
    /// Who sent it.
    pub sender: String,
    /// What it says.
    pub content: Value,
    /// What the server added.
    pub unsigned: Value,
    /// Whether it came encrypted.
    pub is_encrypted: bool,
}

impl Seen {
    /// The text of a message.
    pub fn body(&self) -> &str {
        self.content["body"].as_str().unwrap_or_default()
    }
}

impl From<&TimelineEvent> for Seen {
    fn from(event: &TimelineEvent) -> Self {
        let json: Value = serde_json::from_str(event.raw().json().get()).expect("events are JSON");
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        Self {
            kind: text("type"),
            sender: text("sender"),
            content: json["content"].clone(),
            unsigned: json["unsigned"].clone(),
            is_encrypted: event.encryption_info().is_some(),
        }
    }
}

/// The text of a message in JSON.
pub fn body(event: &Value) -> Result<&str> {
    event["content"]["body"].as_str().with_context(|| format!("{event} has no text"))
}
