//! Counts what people have not read. Client-server API, "Receiving notifications".
//!
//! Nothing is counted when an event is sent. Each reader's count is brought up to date when it is
//! asked for, from the facts in the tail; where these do not reach, from the stored timeline.

mod bearing;
mod judge;
mod prepared;
mod tally;
mod upkeep;
mod words;

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    slice,
    sync::Arc,
};

use ruma::{OwnedEventId, UserId};
use tokio::sync::Mutex;

pub use self::judge::{Judge, Verdict};
use self::{
    bearing::Bearing,
    tally::Tally,
    upkeep::{Key, Tallies, Unsaved},
};
use crate::{
    Result,
    accounts::User,
    event::Event,
    rooms::{Rooms, view::View},
    storage::{
        Storage,
        events::Range,
        numbers::{Position, RoomNid, UserNid},
        receipts,
        rooms::Membership,
        together::Together,
        unread,
    },
    tail::{Fact, Tail},
    tasks::Tasks,
};

/// Counts kept in memory, one per reader and room.
const TALLIES: usize = 200_000;
/// Events of the stored timeline that are looked at for one count. What is older counts as read.
const LOOKED_AT: usize = 5_000;
/// Events read at a time, at first and then: most readers have read something not long ago.
const PAGES: (usize, usize) = (32, 200);

/// For whom events are judged and counted.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// The number.
    pub nid: UserNid,
    /// The user ID.
    pub id: &'a UserId,
}

impl<'a> From<&'a User> for Reader<'a> {
    fn from(user: &'a User) -> Self {
        Self { nid: user.nid, id: &user.id }
    }
}

/// What somebody has not read in a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events in no thread that they were notified of.
    pub notifications: u64,
    /// Those of them that are to be highlighted.
    pub highlights: u64,
    /// The same two numbers for each thread that has any, by its root.
    pub threads: BTreeMap<OwnedEventId, (u64, u64)>,
}

impl Counts {
    fn add(&mut self, thread: Option<&OwnedEventId>, is_highlight: bool) {
        let highlights = u64::from(is_highlight);
        let Some(root) = thread else {
            self.notifications += 1;
            self.highlights += highlights;
            return;
        };
        let counted = self.threads.entry(root.clone()).or_default();
        counted.0 += 1;
        counted.1 += highlights;
    }

    /// Notifications and highlights, threads included: for clients that do not tell them apart.
    pub fn total(&self) -> (u64, u64) {
        self.threads
            .values()
            .fold((self.notifications, self.highlights), |total, thread| (total.0 + thread.0, total.1 + thread.1))
    }
}

/// Unread counts of all users; clones share them.
#[derive(Clone, Debug)]
pub struct Unread {
    storage: Storage,
    rooms: Rooms,
    tail: Tail,
    judge: Judge,
    tallies: Arc<Tallies>,
    loads: Arc<Together<Key, Arc<Mutex<Tally>>>>,
    unsaved: Unsaved,
}

impl Unread {
    /// Starts the task that stores counts now and then.
    pub fn start(storage: Storage, rooms: Rooms, tail: Tail, judge: Judge, tasks: &Tasks) -> Self {
        let tallies = Arc::new(Tallies::new(TALLIES));
        let unsaved = Unsaved::start(storage.clone(), tallies.clone(), tasks);
        Self { storage, rooms, tail, judge, tallies, loads: Arc::default(), unsaved }
    }

    /// What `reader`, who is in the room, has not read of its events up to `upto`.
    pub async fn counts(&self, reader: impl Into<Reader<'_>>, view: &Arc<View>, upto: Position) -> Result<Counts> {
        self.look(reader.into(), view, upto, |tally| tally.counts().clone()).await
    }

    /// Whether an event that notified `reader`, who is in its room, is still unread.
    pub async fn is_unread(&self, reader: Reader<'_>, view: &Arc<View>, event: Position) -> Result<bool> {
        let head = self.tail.view().head();
        self.look(reader, view, head, |tally| tally.is_unread(event)).await
    }

    /// The events that notified `reader` and are unread, in all rooms together.
    pub async fn total(&self, reader: Reader<'_>) -> Result<u64> {
        let head = self.tail.view().head();
        let mut total = 0;
        for (room, residence) in self.rooms.residents().load(reader.nid).await? {
            if residence.membership == Membership::Join {
                let view = self.rooms.load(room).await?;
                total += self.look(reader, &view, head, |tally| tally.counts().total().0).await?;
            }
        }
        Ok(total)
    }

    /// Looks at a count that is brought up to date.
    async fn look<T>(
        &self,
        reader: Reader<'_>,
        view: &Arc<View>,
        upto: Position,
        look: impl FnOnce(&Tally) -> T,
    ) -> Result<T> {
        let key = (reader.nid, view.nid);
        let tally = self.tallies.get_or_insert_async(&key, self.loads.get(key, |keys| self.load(keys))).await?;
        // Held while counting: nobody else who reads for the same user should count the same again.
        let mut tally = tally.lock().await;
        self.catch_up(&mut tally, reader, view, upto).await?;
        if tally.is_worth_saving() {
            self.unsaved.note(key, tally.save());
        }
        Ok(look(&tally))
    }

    /// Brings the counts of several rooms into memory at once.
    pub async fn prepare(&self, reader: UserNid, rooms: &[RoomNid]) -> Result<()> {
        let is_missing = |room: &RoomNid| !self.tallies.contains_key(&(reader, *room));
        let missing: Vec<RoomNid> = rooms.iter().copied().filter(is_missing).collect();
        if missing.is_empty() {
            return Ok(());
        }
        for (key, tally) in self.read(&[reader], &missing).await? {
            // One that has been brought into memory meanwhile is at least as new.
            let Ok(_) = self.tallies.get_or_insert_with(&key, || Ok::<_, Infallible>(tally));
        }
        Ok(())
    }

    /// Several counts, as they were stored.
    async fn load(&self, keys: Vec<Key>) -> Result<HashMap<Key, Arc<Mutex<Tally>>>> {
        let mut readers: HashMap<RoomNid, Vec<UserNid>> = HashMap::new();
        for (reader, room) in keys {
            readers.entry(room).or_default().push(reader);
        }
        let mut tallies = HashMap::new();
        for (room, readers) in readers {
            tallies.extend(self.read(&readers, &[room]).await?);
        }
        Ok(tallies)
    }

    /// The counts of `readers` in `rooms`, one of which should be one: as they were stored, and how far
    /// the readers have read since.
    async fn read(&self, readers: &[UserNid], rooms: &[RoomNid]) -> Result<HashMap<Key, Arc<Mutex<Tally>>>> {
        let head = self.tail.view().head();
        let mut conn = self.storage.conn().await?;
        let stored = unread::find(&mut conn, readers, rooms).await?;
        let marks = receipts::marks_of(&mut conn, readers, rooms).await?;
        drop(conn);
        let keys = readers.iter().flat_map(|reader| rooms.iter().map(|room| (*reader, *room)));
        let mut tallies: HashMap<Key, Tally> = keys.map(|key| (key, Tally::default())).collect();
        for row in stored {
            let key = (row.user, row.room);
            tallies.extend(Tally::restore(row.position, &row.content).map(|tally| (key, tally)));
        }
        for (key, mark) in &marks {
            tallies.entry(*key).or_default().read_marks(slice::from_ref(mark));
        }
        let finish = |(key, mut tally): (Key, Tally)| {
            tally.marks_reach(head);
            (key, Arc::new(Mutex::new(tally)))
        };
        Ok(tallies.into_iter().map(finish).collect())
    }

    async fn catch_up(&self, tally: &mut Tally, reader: Reader<'_>, view: &Arc<View>, upto: Position) -> Result<()> {
        let since = tally.counted_to();
        if since >= upto {
            return Ok(());
        }
        match self.facts(reader, view.nid, since, upto) {
            Some(facts) => {
                for (position, fact) in facts {
                    match fact {
                        Fact::Event(event) => self.count(tally, reader, view, &event, position).await?,
                        Fact::Receipt(receipt) => tally.read(&receipt.thread, receipt.event_position),
                        _ => {}
                    }
                }
            }
            None => self.recount(tally, reader, view, upto).await?,
        }
        tally.reach(upto);
        Ok(())
    }

    /// What happened in the room that bears on the reader's count, if the tail has all of it.
    fn facts(
        &self,
        reader: Reader<'_>,
        room: RoomNid,
        since: Position,
        upto: Position,
    ) -> Option<Vec<(Position, Fact)>> {
        let tail = self.tail.view();
        if !tail.reaches(since) {
            return None;
        }
        let facts = tail.room(room, since).take_while(|entry| entry.position <= upto);
        let bearing = facts.filter(|entry| match &entry.fact {
            Fact::Event(_) => true,
            Fact::Receipt(receipt) => receipt.user == reader.nid,
            _ => false,
        });
        Some(bearing.map(|entry| (entry.position, entry.fact.clone())).collect())
    }

    /// Takes one event into account, in the order of the timeline.
    async fn count(
        &self,
        tally: &mut Tally,
        reader: Reader<'_>,
        view: &View,
        event: &Arc<Event>,
        position: Position,
    ) -> Result<()> {
        tally.look();
        match self.bearing(reader, view, event).await? {
            Bearing::None => {}
            Bearing::CameIn => tally.read_everything(position),
            Bearing::Said { thread } => tally.read_thread(thread.as_deref(), position),
            Bearing::Redacts(redacted) => tally.forget(redacted),
            Bearing::Notifies { thread, is_highlight } => tally.add(position, thread, is_highlight),
        }
        Ok(())
    }

    /// Takes into account how far the reader has read in the room since that was last looked up.
    async fn read_on(&self, tally: &mut Tally, reader: Reader<'_>, room: RoomNid, upto: Position) -> Result<()> {
        if let Some(facts) = self.facts(reader, room, tally.marks_known_to(), upto) {
            for (_, fact) in facts {
                if let Fact::Receipt(receipt) = fact {
                    tally.read(&receipt.thread, receipt.event_position);
                }
            }
            return Ok(());
        }
        let marks = receipts::marks(&mut *self.storage.conn().await?, room, reader.nid).await?;
        tally.read_marks(&marks);
        Ok(())
    }

    /// Counts from the stored timeline, newest event first, back to where the count stands.
    async fn recount(&self, tally: &mut Tally, reader: Reader<'_>, view: &View, upto: Position) -> Result<()> {
        let since = tally.counted_to();
        self.read_on(tally, reader, view.nid, upto).await?;
        let mut found = Vec::new();
        let mut below = Position(upto.0 + 1);
        let mut looked_at = 0;
        'timeline: while looked_at < LOOKED_AT {
            let above = since.max(tally.everything_read_to());
            let page = if looked_at == 0 { PAGES.0 } else { PAGES.1 };
            let events = self.rooms.stored_page(view.nid, Range::Down(below, above), page).await?;
            let is_end = events.len() < page;
            looked_at += events.len();
            for event in events {
                let Some(position) = event.position() else { continue };
                below = position;
                tally.look();
                match self.bearing(reader, view, &event).await? {
                    Bearing::None => {}
                    Bearing::CameIn => {
                        tally.read_everything(position);
                        break 'timeline;
                    }
                    Bearing::Said { thread } => tally.read_thread(thread.as_deref(), position),
                    Bearing::Redacts(redacted) => tally.forget(redacted),
                    Bearing::Notifies { thread, is_highlight } => found.push((position, thread, is_highlight)),
                }
            }
            if is_end || found.len() > tally::MOST {
                break;
            }
        }
        for (position, thread, is_highlight) in found.into_iter().rev() {
            tally.add(position, thread, is_highlight);
        }
        Ok(())
    }
}
