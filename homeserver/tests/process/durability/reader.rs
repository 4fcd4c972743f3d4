//! Somebody who reads on from where they stopped, and looks up what they were not told.

use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

use serde_json::Value;
use tokio::sync::watch;

use super::{
    client::{Client, Visitor},
    sender::Message,
};
use crate::program::PATIENCE;

/// More new events than this are not told at once, but looked up.
const TIMELINE: usize = 10;

/// When a reader asks for news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// All the time, and waits for it.
    Waits,
    /// When the server was started again, so that the token is always one of an earlier process.
    ComesAfterEachStart,
}

/// A device that syncs.
#[derive(Debug)]
pub struct Reader {
    /// Who it is.
    pub id: String,
    client: Client,
    habit: Habit,
    since: String,
    seen: HashMap<String, Vec<Message>>,
    ids: HashSet<String>,
    /// Who sent a note to the device, and its number.
    notes: Vec<(String, u64)>,
}

impl Reader {
    /// Somebody who knows what there is now.
    pub async fn arrive(visitor: Visitor, habit: Habit) -> Self {
        let Visitor { id, client } = visitor;
        let first = client.get("/_matrix/client/v3/sync").await;
        let since = text(&first["next_batch"]);
        Self { id, client, habit, since, seen: HashMap::new(), ids: HashSet::new(), notes: Vec::new() }
    }

    /// Reads until so many messages were seen as were sent, once that is known.
    pub async fn read_until(mut self, total: watch::Receiver<Option<usize>>) -> Self {
        let mut deadline = None;
        loop {
            if let Some(total) = *total.borrow() {
                let seen = self.seen.values().map(Vec::len).sum::<usize>();
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + PATIENCE);
                assert!(seen <= total && Instant::now() < deadline, "{seen} of {total} messages were seen");
                if seen == total {
                    return self;
                }
            } else if self.habit == Habit::ComesAfterEachStart {
                let mut known = total.clone();
                tokio::select! {
                    () = self.client.next_start() => {}
                    _ = known.changed() => {}
                }
            }
            self.read_on().await;
        }
    }

    /// One request for news.
    async fn read_on(&mut self) {
        let timeout = if self.habit == Habit::Waits { 5_000 } else { 0 };
        let filter = format!(r#"{{"room":{{"timeline":{{"limit":{TIMELINE}}}}}}}"#);
        let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        let since = std::mem::take(&mut self.since);
        let path = format!("/_matrix/client/v3/sync?since={since}&timeout={timeout}&filter={filter}");
        let news = self.client.get(&path).await;
        for (room, news) in news["rooms"]["join"].as_object().into_iter().flatten() {
            let timeline = &news["timeline"];
            let mut events = Vec::new();
            if timeline["limited"] == true {
                events = self.pages(room, &format!("&from={}&to={since}", text(&timeline["prev_batch"]))).await;
            }
            events.extend(timeline["events"].as_array().into_iter().flatten().cloned());
            let messages = self.messages(&events);
            self.seen.entry(room.clone()).or_default().extend(messages);
        }
        for note in news["to_device"]["events"].as_array().into_iter().flatten() {
            self.notes.push((text(&note["sender"]), note["content"]["number"].as_u64().expect("notes have numbers")));
        }
        self.since = text(&news["next_batch"]);
    }

    fn messages(&mut self, events: &[Value]) -> Vec<Message> {
        for event in events {
            assert!(self.ids.insert(text(&event["event_id"])), "this was seen already: {event}");
        }
        messages(events)
    }

    /// The messages of a room, in the order in which they were seen.
    pub fn seen(&self, room: &str) -> Vec<Message> {
        self.seen.get(room).cloned().unwrap_or_default()
    }

    /// The numbers of the notes from somebody, in the order in which they came.
    pub fn notes_of(&self, sender: &str) -> Vec<usize> {
        let numbers = self.notes.iter().filter(|(from, _)| from == sender).map(|(_, number)| *number);
        numbers.map(|number| usize::try_from(number).expect("it was one")).collect()
    }

    /// All messages of a room, oldest first.
    pub async fn history(&self, room: &str) -> Vec<Message> {
        messages(&self.pages(room, "").await)
    }

    /// Pages through a room, backwards to the end; the oldest event comes first.
    async fn pages(&self, room: &str, range: &str) -> Vec<Value> {
        let mut events = Vec::new();
        let mut range = range.to_owned();
        loop {
            let path = format!("/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=100{range}");
            let page = self.client.get(&path).await;
            events.extend(page["chunk"].as_array().expect("a page has events").iter().cloned());
            let Some(end) = page["end"].as_str() else { break };
            let to = range.split_once("&to=").map(|(_, to)| format!("&to={to}")).unwrap_or_default();
            range = format!("&from={end}{to}");
        }
        events.reverse();
        events
    }
}

fn messages(events: &[Value]) -> Vec<Message> {
    let messages = events.iter().filter(|event| event["type"] == "m.room.message");
    messages.map(message).collect()
}

fn message(event: &Value) -> Message {
    let number = text(&event["content"]["body"]).parse().expect("messages are numbers");
    Message { id: text(&event["event_id"]), sender: text(&event["sender"]), number }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
