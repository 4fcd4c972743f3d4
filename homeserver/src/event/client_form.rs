//! The JSON in which clients see an event: serialised once, then spliced into every answer.

use std::fmt::Write;

use ruma::{OwnedEventId, events::TimelineEventType};
use serde_json::{Map, Value, value::RawValue};

use super::Event;

/// The members that are the same for every reader, without braces: all but `room_id` and
/// `unsigned`.
#[derive(Clone, Debug)]
pub struct ClientForm {
    members: Box<str>,
    room_id: Box<str>,
}

/// What depends on the reader.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unsigned<'a> {
    /// Milliseconds since the event was sent.
    pub age_ms: Option<i64>,
    /// Whether the reader is the device that sent the event.
    pub is_sender: bool,
    /// The reader's membership at the event.
    pub membership: Option<&'a str>,
    /// The JSON object of `m.relations`.
    pub relations: Option<&'a str>,
}

impl ClientForm {
    pub(super) fn new(event: &Event) -> Self {
        let mut members = String::with_capacity(event.pdu.content.get().len() + 300);
        write!(members, "\"content\":{}", event.pdu.content.get()).expect("writing to a string cannot fail");
        member(&mut members, "event_id", event.id().as_str());
        write!(members, ",\"origin_server_ts\":{}", event.pdu.origin_server_ts.0)
            .expect("writing to a string cannot fail");
        member(&mut members, "sender", event.sender().as_str());
        if let Some(state_key) = event.state_key() {
            member(&mut members, "state_key", state_key);
        }
        member(&mut members, "type", &event.kind().to_string());
        // Clients of before and of after room version 11 look in different places: tell both.
        let redacts = event.pdu.redacts.as_ref().filter(|_| *event.kind() == TimelineEventType::RoomRedaction);
        if let Some(redacts) = redacts {
            member(&mut members, "redacts", redacts.as_str());
            if let Some(content) = content_with_redacts(event.content(), redacts) {
                members = members.replacen(event.pdu.content.get(), &content, 1);
            }
        }
        Self { members: members.into(), room_id: quoted(event.room_id().as_str()).into() }
    }

    /// Appends the event as a JSON object to `out`; `with_room` outside `/sync`, where the room is
    /// known from the place.
    pub fn write(&self, out: &mut String, event: &Event, unsigned: Unsigned<'_>, with_room: bool) {
        out.push('{');
        out.push_str(&self.members);
        if with_room {
            out.push_str(",\"room_id\":");
            out.push_str(&self.room_id);
        }
        self.write_unsigned(out, event, unsigned);
        out.push('}');
    }

    /// Appends the event as servers exchange it, with its ID and what is told of it besides. Client-server API,
    /// "Filtering", `event_format`.
    pub fn write_pdu(&self, out: &mut String, event: &Event, unsigned: Unsigned<'_>) {
        let mut pdu: Map<String, Value> = serde_json::from_str(&event.pdu.json).unwrap_or_default();
        pdu.remove("unsigned");
        pdu.insert("event_id".to_owned(), event.id().as_str().into());
        pdu.insert("room_id".to_owned(), event.room_id().as_str().into());
        let members = Value::Object(pdu).to_string();
        out.push_str(members.strip_suffix('}').unwrap_or_default());
        self.write_unsigned(out, event, unsigned);
        out.push('}');
    }

    /// Appends a stripped state event: type, state key, sender and content only. Of the creation of a room more is
    /// told, as servers tell it each other (MSC4311).
    pub fn write_stripped(&self, out: &mut String, event: &Event) {
        out.push('{');
        if *event.kind() == TimelineEventType::RoomCreate {
            out.push_str(&self.members);
            out.push('}');
            return;
        }
        write!(out, "\"content\":{}", event.content().get()).expect("writing to a string cannot fail");
        member(out, "sender", event.sender().as_str());
        member(out, "state_key", event.state_key().unwrap_or_default());
        member(out, "type", &event.kind().to_string());
        out.push('}');
    }

    fn write_unsigned(&self, out: &mut String, event: &Event, unsigned: Unsigned<'_>) {
        out.push_str(",\"unsigned\":{");
        let start = out.len();
        let separate = |out: &mut String| {
            if out.len() > start {
                out.push(',');
            }
        };
        if let Some(age) = unsigned.age_ms {
            write!(out, "\"age\":{age}").expect("writing to a string cannot fail");
        }
        if let Some(membership) = unsigned.membership {
            separate(out);
            write!(out, "\"membership\":\"{membership}\"").expect("writing to a string cannot fail");
        }
        if let Some(transaction) = event.transaction.as_ref().filter(|_| unsigned.is_sender) {
            separate(out);
            out.push_str("\"transaction_id\":");
            out.push_str(&quoted(&transaction.txn_id));
        }
        if let Some(relations) = unsigned.relations {
            separate(out);
            write!(out, "\"m.relations\":{relations}").expect("writing to a string cannot fail");
        }
        if !event.unsigned.is_empty() {
            separate(out);
            out.push_str(&event.unsigned);
        }
        out.push('}');
    }
}

fn content_with_redacts(content: &RawValue, redacts: &OwnedEventId) -> Option<String> {
    let mut object: Map<String, Value> = serde_json::from_str(content.get()).ok()?;
    if object.contains_key("redacts") {
        return None;
    }
    object.insert("redacts".to_owned(), redacts.as_str().into());
    serde_json::to_string(&object).ok()
}

fn member(out: &mut String, name: &str, value: &str) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
    out.push_str(&quoted(value));
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string is always JSON")
}
