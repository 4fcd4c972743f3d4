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
        Conn, Storage, log, log_readers,
        numbers::Position,
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
        let (reached, is_end) = self
            .storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                let since = log_readers::hold(&mut tx, NEWS).await?;
                let head = log::head(&mut tx).await?;
                let news = search::entries_after(&mut tx, since, head, BATCH as i64).await?;
                let is_end = news.len() < BATCH;
                let reached = if is_end { head } else { news.last().map_or(head, |last| last.position) };
                self.write(&mut tx, &news).await?;
                if !news.is_empty() || reached.0 - since.0 >= STRIDE {
                    log_readers::advance(&mut tx, NEWS, reached).await?;
                }
                tx.commit().await?;
                Ok((reached, is_end))
            })
            .await?;
        let is_end_of_history = self.read_history().await?;
        self.read.send_replace(reached);
        Ok(is_end && is_end_of_history)
    }

    async fn read_history(&self) -> Result<bool> {
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                let until = log_readers::hold(&mut tx, HISTORY).await?;
                let history = search::entries_before(&mut tx, until, BATCH as i64).await?;
                self.write(&mut tx, &history).await?;
                if let Some(last) = history.last() {
                    log_readers::advance(&mut tx, HISTORY, last.position).await?;
                }
                tx.commit().await?;
                Ok(history.len() < BATCH)
            })
            .await
    }

    async fn write(&self, conn: &mut Conn, entries: &[Entry]) -> Result<()> {
        let nids: Vec<_> = entries.iter().map(|entry| entry.nid).collect();
        let (mut texts, mut words, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for event in self.rooms.events().load_many(&nids).await? {
            if *event.kind() == TimelineEventType::RoomRedaction {
                gone.extend(self.redacted_by(&event).await?);
            } else if let Some(position) = event.position()
                && let Some((field, text)) = text_of(&event)
            {
                let weighed = weigh(&text);
                if weighed.is_empty() {
                    continue;
                }
                let all: Vec<&str> = weighed.keys().map(String::as_str).collect();
                texts.push(TextRow { room: event.room_nid, position, words: all.join(" ") });
                let row = |(word, weight)| WordRow { room: event.room_nid, position, field, word, weight };
                words.extend(weighed.into_iter().map(row));
            }
        }
        search::insert(conn, &texts, &words).await?;
        for event in gone {
            if let Some(position) = event.position() {
                search::delete(conn, event.room_nid, position).await?;
            }
        }
        Ok(())
    }

    /// The event that a redaction has redacted, if it took effect.
    async fn redacted_by(&self, redaction: &Event) -> Result<Option<Arc<Event>>> {
        let Some(target) = &redaction.pdu.redacts else { return Ok(None) };
        let target = self.rooms.events().find(target).await?;
        Ok(target.filter(|target| target.room_nid == redaction.room_nid && target.is_redacted()))
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
