//! Sending messages, with a look afterwards whether each that was acknowledged is there once.

use std::{collections::HashMap, time::Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    client::{Connection, segment},
    measure::{Row, Tally, measure},
    setting::{Setting, User, message, send_path, text},
};

const ROOMS: usize = 10;
const MEMBERS: usize = 20;

/// A message that the server acknowledged.
struct Sent {
    body: String,
    event_id: String,
}

/// What one sender sends.
struct Sender {
    user: User,
    room: String,
    /// No other sender's messages and transactions begin like this.
    name: String,
}

impl Sender {
    fn path(&self, transaction: &str) -> String {
        format!("{}/{transaction}", send_path(&self.room))
    }

    /// Sends one message after another.
    async fn work(self, mut connection: Connection, until: Instant) -> (Tally, (Self, Vec<Sent>)) {
        let (mut tally, mut all) = (Tally::default(), Vec::new());
        for number in 0.. {
            if Instant::now() >= until {
                break;
            }
            // The body is the transaction ID as well.
            let body = format!("{}-{number}", self.name);
            let outcome = connection.put(&self.user.token, &self.path(&body), &message(&body)).await;
            let Some(answer) = tally.count(outcome) else { continue };
            match answer.json().and_then(|told: Value| text(&told, "event_id")) {
                Ok(event_id) => all.push(Sent { body, event_id }),
                Err(fault) => tally.fault(format!("{fault:#}")),
            }
        }
        (tally, (self, all))
    }
}

/// `senders` send at the same time to ten rooms, of each of which the same 20 people are members.
pub async fn send(setting: &mut Setting, senders: usize) -> Result<Vec<Row>> {
    let members = setting.crowd(MEMBERS).await?;
    let mut rooms = Vec::new();
    for _ in 0..ROOMS {
        rooms.push(setting.room(&members).await?);
    }
    let connections = setting.connections(senders).await?;
    let all: Vec<Sender> = (0..senders)
        .map(|index| Sender {
            user: members[index % MEMBERS].clone(),
            room: rooms[index % ROOMS].clone(),
            name: setting.name("message"),
        })
        .collect();

    let until = Instant::now() + setting.time;
    let workers = all.into_iter().zip(connections).map(|(sender, connection)| sender.work(connection, until));
    let (mut row, outcomes) = measure(&setting.server, &format!("send-{senders}"), workers.collect()).await?;

    let mut connection = Connection::open(setting.address()).await?;
    for (sender, sent) in &outcomes {
        repeat(&mut connection, sender, sent, &mut row.tally).await?;
    }
    let mut found = HashMap::new();
    for room in &rooms {
        read_back(&mut connection, &members[0], room, &mut found).await?;
    }
    for sent in outcomes.iter().flat_map(|(_, sent)| sent) {
        let there = found.get(&sent.body).map_or(&[][..], Vec::as_slice);
        let is_lost = !there.contains(&sent.event_id);
        row.tally.check(usize::from(is_lost), there.len().saturating_sub(1));
    }
    Ok(vec![row])
}

/// A client that did not see the answer sends the same transaction again, and must get the same
/// event ID (client-server API, "Transaction identifiers").
async fn repeat(connection: &mut Connection, sender: &Sender, sent: &[Sent], tally: &mut Tally) -> Result<()> {
    let Some(last) = sent.last() else { return Ok(()) };
    let path = sender.path(&last.body);
    let again: Value = connection.put(&sender.user.token, &path, &message(&last.body)).await?.json()?;
    if text(&again, "event_id")? != last.event_id {
        tally.fault("a repeated transaction gave another event ID");
    }
    Ok(())
}

/// Reads a whole room; notes the event IDs of each body.
pub async fn read_back(
    connection: &mut Connection,
    reader: &User,
    room: &str,
    found: &mut HashMap<String, Vec<String>>,
) -> Result<()> {
    let filter = segment(r#"{"types":["m.room.message"]}"#);
    let first = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit=500&filter={filter}", segment(room));
    let mut path = first.clone();
    loop {
        let page: Value = connection.get(&reader.token, &path).await.context("reading a room back")?.json()?;
        for event in page["chunk"].as_array().context("a page has events")? {
            let body = text(&event["content"], "body")?;
            found.entry(body).or_default().push(text(event, "event_id")?);
        }
        match page["end"].as_str() {
            Some(end) => path = format!("{first}&from={}", segment(end)),
            None => return Ok(()),
        }
    }
}
