//! Reads the log on and notes the words of what was said, some time after it was. What is redacted
//! loses its words.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ruma::events::TimelineEventType;
use serde::Deserialize;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::words::weigh;
use crate::{
    Result,
    event::Event,
    rooms::Rooms,
    storage::{
        Storage, log, log_readers,
        numbers::{Position, RoomNid},
        search::{self, Entry, Field, TextRow, WordRow},
    },
    tail::Tail,
    tasks::Tasks,
};

/// The reader of what is new.
const NEWS: &str = "search";
/// The reader of what was fetched later than it happened: from position zero downwards.
const HISTORY: &str = "search history";
/// Events that are read at a time.
const BATCH: usize = 500;
/// How long news are left lying, because many at a time cost little more than one.
const LINGER: Duration = Duration::from_millis(500);
/// How long to wait after something went wrong.
const RETRY: Duration = Duration::from_secs(5);
/// Where nothing is to be noted, the place is stored only every so many positions.
const STRIDE: i64 = 1000;

/// The reader of the log; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Index {
    storage: Storage,
    tail: Tail,
    rooms: Rooms,
    read: Arc<watch::Sender<Position>>,
    hurry: Arc<Notify>,
}

/// What is to be noted of some events.
#[derive(Debug, Default)]
struct Notes {
    texts: Vec<TextRow>,
    words: Vec<WordRow>,
    /// The places of events that were redacted.
    gone: Vec<(RoomNid, Position)>,
}

impl Index {
    /// Starts the reader.
    pub(super) fn start(storage: Storage, tail: Tail, rooms: Rooms, tasks: &Tasks) -> Self {
        let read = Arc::new(watch::channel(Position::ZERO).0);
        let index = Self { storage, tail, rooms, read, hurry: Arc::default() };
        let task = index.clone();
        tasks.start("search index", move |stop| {
            let index = task.clone();
            async move { index.run(stop).await }
        });
        index
    }

    /// Waits until all that is known now can be found, but not longer than `patience`.
    pub(super) async fn catch_up(&self, patience: Duration) {
        let head = self.tail.view().head();
        let mut read = self.read.subscribe();
        if *read.borrow() >= head {
            return;
        }
        self.hurry.notify_one();
        // If it takes longer, what was read is found.
        let _ = tokio::time::timeout(patience, read.wait_for(|position| *position >= head)).await;
    }

    async fn run(&self, stop: CancellationToken) {
        let mut head = self.tail.bus().watch();
        // What came while the server was down is news too.
        head.mark_changed();
        loop {
            tokio::select! {
                changed = head.changed() => if changed.is_err() { return },
                () = stop.cancelled() => return,
            }
            tokio::select! {
                () = tokio::time::sleep(LINGER) => {},
                () = self.hurry.notified() => {},
                () = stop.cancelled() => return,
            }
            if stop.run_until_cancelled(self.read_on()).await.is_none() {
                return;
            }
        }
    }

    /// Reads on to the end of the log. It works at most half of the time, so that senders keep going
    /// while there is much to catch up with.
    async fn read_on(&self) {
        loop {
            let started = Instant::now();
            let rest = match self.read_batch().await {
                Ok(true) => return,
                Ok(false) => started.elapsed(),
                Err(error) => {
                    warn!(%error, "The search index could not be written; it is tried again");
                    RETRY
                }
            };
            tokio::time::sleep(rest).await;
        }
    }

    /// Reads so many events on; returns whether the end is reached.
    async fn read_batch(&self) -> Result<bool> {
        let (since, head, news) = {
            let mut conn = self.storage.conn().await?;
            let since = log_readers::find(&mut conn, NEWS).await?;
            let head = log::head(&mut conn).await?;
            (since, head, search::entries_after(&mut conn, since, head, BATCH as i64).await?)
        };
        let is_end = news.len() < BATCH;
        let reached = if is_end { head } else { news.last().map_or(head, |last| last.position) };
        if !news.is_empty() || reached.0 - since.0 >= STRIDE {
            self.write(NEWS, since, reached, &self.notes(&news).await?).await?;
        }
        let is_end_of_history = self.read_history().await?;
        self.read.send_replace(reached);
        Ok(is_end && is_end_of_history)
    }

    async fn read_history(&self) -> Result<bool> {
        let (until, history) = {
            let mut conn = self.storage.conn().await?;
            let until = log_readers::find(&mut conn, HISTORY).await?;
            (until, search::entries_before(&mut conn, until, BATCH as i64).await?)
        };
        if let Some(last) = history.last() {
            self.write(HISTORY, until, last.position, &self.notes(&history).await?).await?;
        }
        Ok(history.len() < BATCH)
    }

    /// Writes what is to be noted of the events between two places, unless another process has.
    async fn write(&self, reader: &str, from: Position, to: Position, notes: &Notes) -> Result<()> {
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                if log_readers::hold(&mut tx, reader).await? != from {
                    return Ok(());
                }
                search::insert(&mut tx, &notes.texts, &notes.words).await?;
                for (room, position) in &notes.gone {
                    search::delete(&mut tx, *room, *position).await?;
                }
                log_readers::advance(&mut tx, reader, to).await?;
                Ok(tx.commit().await?)
            })
            .await
    }

    /// What is to be noted of some events. One that was redacted meanwhile loses its words when the
    /// redaction is read.
    async fn notes(&self, entries: &[Entry]) -> Result<Notes> {
        let nids: Vec<_> = entries.iter().map(|entry| entry.nid).collect();
        let mut notes = Notes::default();
        for event in self.rooms.events().load_many(&nids).await? {
            if *event.kind() == TimelineEventType::RoomRedaction {
                let target = self.redacted_by(&event).await?;
                notes.gone.extend(target.and_then(|target| Some((target.room_nid, target.position()?))));
            } else if let Some(position) = event.position()
                && let Some((field, text)) = text_of(&event)
            {
                notes.add(event.room_nid, position, field, &text);
            }
        }
        Ok(notes)
    }

    /// The event that a redaction has redacted, if it took effect.
    async fn redacted_by(&self, redaction: &Event) -> Result<Option<Arc<Event>>> {
        let Some(target) = &redaction.pdu.redacts else { return Ok(None) };
        let target = self.rooms.events().find(target).await?;
        Ok(target.filter(|target| target.room_nid == redaction.room_nid && target.is_redacted()))
    }
}

impl Notes {
    fn add(&mut self, room: RoomNid, position: Position, field: Field, text: &str) {
        let weighed = weigh(text);
        if weighed.is_empty() {
            return;
        }
        let all: Vec<&str> = weighed.keys().map(String::as_str).collect();
        self.texts.push(TextRow { room, position, words: all.join(" ") });
        let row = |(word, weight)| WordRow { room, position, field, word, weight };
        self.words.extend(weighed.into_iter().map(row));
    }
}

/// The text in which an event is searched. Client-server API, "Search Categories".
fn text_of(event: &Event) -> Option<(Field, String)> {
    #[derive(Deserialize)]
    struct Message {
        body: String,
    }
    #[derive(Deserialize)]
    struct Name {
        name: String,
    }
    #[derive(Deserialize)]
    struct Topic {
        topic: Option<String>,
        #[serde(rename = "m.topic")]
        blocks: Option<Blocks>,
    }
    #[derive(Deserialize)]
    struct Blocks {
        #[serde(rename = "m.text")]
        text: Vec<Block>,
    }
    #[derive(Deserialize)]
    struct Block {
        body: String,
        mimetype: Option<String>,
    }
    match (event.kind(), event.state_key()) {
        (TimelineEventType::RoomMessage, None) => Some((Field::Body, event.content_as::<Message>()?.body)),
        (TimelineEventType::RoomName, Some("")) => Some((Field::Name, event.content_as::<Name>()?.name)),
        (TimelineEventType::RoomTopic, Some("")) => {
            let Topic { topic, blocks } = event.content_as::<Topic>()?;
            let topic = topic.unwrap_or_default();
            let is_plain = |block: &Block| block.mimetype.as_deref().is_none_or(|mimetype| mimetype == "text/plain");
            let plain = blocks.into_iter().flat_map(|blocks| blocks.text).find(is_plain);
            // Mostly both are the same.
            let plain = plain.map(|block| block.body).filter(|body| *body != topic).unwrap_or_default();
            Some((Field::Topic, format!("{topic} {plain}")))
        }
        _ => None,
    }
}
