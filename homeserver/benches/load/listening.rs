//! Members of a room who wait for messages in a `/sync` that the server answers when one comes.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::Result;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    client::{Connection, segment},
    measure::Tally,
    setting::{User, message, send_path, text},
};

/// What clients of today ask for.
const TIMELINE_LIMIT: usize = 100;
/// How long a poll waits, in milliseconds.
const POLL_MS: usize = 120_000;

/// How long to wait before a poll that failed is repeated.
const PAUSE: Duration = Duration::from_secs(1);

/// A user's place in the log, with the filter that an answer passes.
#[derive(Clone, Debug)]
pub struct Place {
    user: User,
    filter: String,
    since: String,
}

/// The messages that a listener waits for.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The room in which they are sent.
    pub room: String,
    /// How many there will be.
    pub count: usize,
    /// What the times in the messages are relative to.
    pub epoch: Instant,
    /// When they are no longer waited for; what cannot be asked for then either is lost.
    pub deadline: Instant,
}

/// What arrived: event IDs by the number of the message.
pub type Arrived = HashMap<usize, String>;

impl Place {
    /// Takes the place of a user at the end of the log.
    pub async fn take(connection: &mut Connection, user: &User) -> Result<Self> {
        let filter = json!({ "room": {
            "state": { "lazy_load_members": true },
            "timeline": { "limit": TIMELINE_LIMIT },
        }});
        let filter = upload_filter(connection, user, &filter).await?;
        // What there is so far is of no interest.
        let nothing = segment(r#"{"room":{"rooms":[]}}"#);
        let path = format!("/_matrix/client/v3/sync?set_presence=offline&filter={nothing}");
        let answer = connection.get(&user.token, &path).await?;
        Ok(Self { user: user.clone(), filter, since: text(&answer.json()?, "next_batch")? })
    }

    /// Where news is asked for, and for how long it is waited for.
    pub fn path(&self, timeout_ms: usize) -> String {
        let (filter, since) = (segment(&self.filter), segment(&self.since));
        format!("/_matrix/client/v3/sync?set_presence=offline&timeout={timeout_ms}&filter={filter}&since={since}")
    }

    /// The user's access token.
    pub fn token(&self) -> &str {
        &self.user.token
    }

    /// Waits for any answer; returns what it was, and when its last byte was there.
    pub async fn wait(self, mut connection: Connection) -> Result<(StatusCode, Value, Instant)> {
        let answer = connection.exchange(Method::GET, &self.user.token, &self.path(POLL_MS), None).await?;
        Ok((answer.status, answer.json()?, answer.arrived))
    }

    /// Waits until all messages have come. The time of a delivery runs from just before its sending to
    /// the last byte of the answer that has it.
    pub async fn listen(mut self, mut connection: Connection, expected: Expected) -> (Tally, Arrived) {
        let (mut tally, mut arrived, mut doubled) = (Tally::default(), Arrived::new(), 0);
        while arrived.len() < expected.count && Instant::now() < expected.deadline {
            let poll = self.poll(&mut connection, POLL_MS, &expected, &mut tally, &mut arrived);
            match tokio::time::timeout_at(expected.deadline.into(), poll).await {
                Ok(Ok(repeated)) => doubled += repeated,
                Ok(Err(fault)) => {
                    // As clients do, which must not make things worse.
                    tally.fault(format!("{fault:#}"));
                    tokio::time::sleep(PAUSE).await;
                }
                Err(_) => break,
            }
        }
        // What is told twice may be told after everything has come.
        match self.poll(&mut connection, 0, &expected, &mut tally, &mut arrived).await {
            Ok(repeated) => doubled += repeated,
            Err(fault) => tally.fault(format!("{fault:#}")),
        }
        tally.check(expected.count - arrived.len(), doubled);
        (tally, arrived)
    }

    /// One request; returns how many messages had come before.
    async fn poll(
        &mut self,
        connection: &mut Connection,
        timeout_ms: usize,
        expected: &Expected,
        tally: &mut Tally,
        arrived: &mut Arrived,
    ) -> Result<usize> {
        let answer = connection.get(&self.user.token, &self.path(timeout_ms)).await?;
        let mut news: News = answer.json()?;
        self.since = news.next_batch;
        let timeline = news.rooms.join.remove(&expected.room).unwrap_or_default().timeline;
        let mut doubled = 0;
        for event in timeline.events {
            let Some((number, sent)) = event.content.body.as_deref().and_then(parts) else { continue };
            match arrived.insert(number, event.event_id) {
                None => tally.taken.push(answer.arrived.duration_since(expected.epoch).saturating_sub(sent)),
                Some(_) => doubled += 1,
            }
        }
        Ok(doubled)
    }
}

/// Uploads a filter; returns its ID.
pub async fn upload_filter(connection: &mut Connection, user: &User, filter: &serde_json::Value) -> Result<String> {
    let path = format!("/_matrix/client/v3/user/{}/filter", segment(&user.id));
    text(&connection.post(&user.token, &path, filter).await?.json()?, "filter_id")
}

/// Sends message `number`, which says when that was; returns its event ID.
pub async fn send_one(
    connection: &mut Connection,
    sender: &User,
    expected: &Expected,
    number: usize,
) -> Result<String> {
    let sent = expected.epoch.elapsed().as_nanos();
    // The transaction's name is not repeated, because no two moments are the same.
    let path = format!("{}/{number}-{sent}", send_path(&expected.room));
    let answer = connection.put(&sender.token, &path, &message(&format!("{number} {sent}"))).await?;
    text(&answer.json()?, "event_id")
}

/// The number of a message and the moment of its sending.
fn parts(body: &str) -> Option<(usize, Duration)> {
    let (number, sent) = body.split_once(' ')?;
    Some((number.parse().ok()?, Duration::from_nanos(sent.parse().ok()?)))
}

/// Everybody has to see the event that the sender was told of.
pub fn compare(told: &Arrived, arrived: &[Arrived], tally: &mut Tally) {
    for (number, event_id) in arrived.iter().flatten() {
        if told.get(number).is_some_and(|told| told != event_id) {
            tally.fault("a message arrived under another event ID");
        }
    }
}

#[derive(Deserialize)]
struct News {
    next_batch: String,
    #[serde(default)]
    rooms: Rooms,
}

#[derive(Default, Deserialize)]
struct Rooms {
    #[serde(default)]
    join: HashMap<String, Joined>,
}

#[derive(Default, Deserialize)]
struct Joined {
    #[serde(default)]
    timeline: Timeline,
}

#[derive(Default, Deserialize)]
struct Timeline {
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    event_id: String,
    content: Content,
}

#[derive(Deserialize)]
struct Content {
    body: Option<String>,
}
