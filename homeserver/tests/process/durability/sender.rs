//! Somebody who says one thing after the other, each until it is acknowledged.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::client::{Client, Visitor};

/// So many transactions are repeated at the end.
const REPEATED: usize = 20;

/// With every so many messages, a note goes to the readers' devices.
const NOTED: usize = 10;

/// A message as everybody should see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The event's ID.
    pub id: String,
    /// Who sent it.
    pub sender: String,
    /// The sender's number for it, which is also the transaction's.
    pub number: usize,
}

/// Sends to its rooms in turn.
#[derive(Debug)]
pub struct Sender {
    /// Who it is.
    pub id: String,
    client: Client,
    rooms: Vec<String>,
    /// Whose devices get notes.
    noted: Vec<String>,
    sent: Vec<Message>,
    /// How much was acknowledged to all senders.
    acknowledged: Arc<AtomicUsize>,
}

impl Sender {
    /// Somebody who is in `rooms` and has said nothing yet.
    pub fn new(visitor: Visitor, rooms: &[String], noted: &[String], acknowledged: Arc<AtomicUsize>) -> Self {
        let Visitor { id, client } = visitor;
        Self { id, client, rooms: rooms.to_vec(), noted: noted.to_vec(), sent: Vec::new(), acknowledged }
    }

    /// Sends as fast as it is acknowledged, until told to stop.
    pub async fn send_until(mut self, stopped: watch::Receiver<bool>) -> Self {
        while !*stopped.borrow() {
            let number = self.sent.len();
            if number.is_multiple_of(NOTED) {
                self.note(number).await;
            }
            let id = self.send(number).await;
            self.sent.push(Message { id, sender: self.id.clone(), number });
            self.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        self
    }

    async fn send(&self, number: usize) -> String {
        let room = &self.rooms[number % self.rooms.len()];
        let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{number}");
        let message = json!({ "msgtype": "m.text", "body": number.to_string() });
        let answer = self.client.put(&path, &message).await;
        answer["event_id"].as_str().expect("an event has an ID").to_owned()
    }

    async fn note(&self, number: usize) {
        let path = format!("/_matrix/client/v3/sendToDevice/org.example.note/{number}");
        let to_all_devices = json!({ "*": { "number": number } });
        let messages: Value = self.noted.iter().map(|user| (user.clone(), to_all_devices.clone())).collect();
        self.client.put(&path, &json!({ "messages": messages })).await;
    }

    /// The numbers of the notes that were acknowledged.
    pub fn acknowledged_notes(&self) -> Vec<usize> {
        (0..self.sent.len()).step_by(NOTED).collect()
    }

    /// What was acknowledged of what was said in a room, in order.
    pub fn acknowledged(&self, room: &str) -> Vec<Message> {
        let said_there = |message: &&Message| self.rooms[message.number % self.rooms.len()] == room;
        self.sent.iter().filter(said_there).cloned().collect()
    }

    /// Sends the last messages again as clients do that missed the answer: they are the same events.
    pub async fn repeat_the_last(&self) {
        for message in self.sent.iter().rev().take(REPEATED) {
            assert_eq!(self.send(message.number).await, message.id);
        }
    }
}
