//! What one reader has not read in one room: the events that notified them, and how far they have
//! read. Knows neither rules nor storage.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use ruma::{EventId, OwnedEventId};
use serde::{Deserialize, Serialize};

use super::Counts;
use crate::{
    ephemeral::threads::MAIN,
    storage::{numbers::Position, receipts::Mark},
};

/// At most so many events are remembered. Of more, the oldest are forgotten, those without highlight
/// first: nobody needs to know whether it is a thousand or two.
pub const MOST: usize = 1000;
/// After so many changes it is worth while to store a count again.
const WORTH_SAVING: usize = 32;

/// An unread count with what it is made of.
#[derive(Debug)]
pub struct Tally {
    counted_to: Position,
    /// The reader's receipts up to here have been taken into account.
    marks_known_to: Position,
    /// How far everything is read, threads or not.
    everything: Position,
    /// How far what is in no thread is read.
    main: Position,
    /// How far threads are read that are read further than everything, and further than was
    /// counted: what was counted has been taken out already.
    threads: BTreeMap<OwnedEventId, Position>,
    /// Unread events, oldest first.
    unread: VecDeque<Unread>,
    counts: Counts,
    unsaved: usize,
}

/// An event that is not read. The JSON of a list of them is the stored form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Unread {
    position: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thread: Option<OwnedEventId>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_highlight: bool,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            counted_to: Position(i64::MIN),
            marks_known_to: Position(i64::MIN),
            everything: Position(i64::MIN),
            main: Position(i64::MIN),
            threads: BTreeMap::new(),
            unread: VecDeque::new(),
            counts: Counts::default(),
            unsaved: 0,
        }
    }
}

impl Tally {
    /// The count as it was stored, if it can be read.
    pub fn restore(counted_to: Position, content: &str) -> Option<Self> {
        let unread = serde_json::from_str(content).ok()?;
        let mut tally = Self { counted_to, unread, ..Self::default() };
        tally.sum();
        Some(tally)
    }

    /// The form to be stored, and up to where it counts.
    pub fn save(&mut self) -> (Position, String) {
        self.unsaved = 0;
        let content = serde_json::to_string(&self.unread).expect("numbers and event IDs are always JSON");
        (self.counted_to, content)
    }

    /// Whether so much has changed that it should be stored.
    pub fn is_worth_saving(&self) -> bool {
        self.unsaved >= WORTH_SAVING
    }

    /// Whether anything has changed since it was stored.
    pub fn is_unsaved(&self) -> bool {
        self.unsaved > 0
    }

    /// Everything up to here has been taken into account.
    pub fn counted_to(&self) -> Position {
        self.counted_to
    }

    /// The reader's receipts up to here have been taken into account.
    pub fn marks_known_to(&self) -> Position {
        self.marks_known_to.max(self.counted_to)
    }

    /// Notes that the reader's receipts up to `position` have been taken into account.
    pub fn marks_reach(&mut self, position: Position) {
        self.marks_known_to = position;
    }

    /// Everything up to here is read, threads or not.
    pub fn everything_read_to(&self) -> Position {
        self.everything
    }

    /// The numbers.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Whether the event at `position` notified the reader and is unread.
    pub fn is_unread(&self, position: Position) -> bool {
        self.unread.iter().any(|unread| unread.position == position.0)
    }

    /// Notes that everything up to `position` has been taken into account.
    pub fn reach(&mut self, position: Position) {
        self.counted_to = self.counted_to.max(position);
        self.threads.retain(|_, read_to| *read_to > position);
    }

    /// Notes that an event was looked at.
    pub fn look(&mut self) {
        self.unsaved += 1;
    }

    /// Adds an event that notified the reader, after all that were added before.
    pub fn add(&mut self, position: Position, thread: Option<OwnedEventId>, is_highlight: bool) {
        if position <= self.read_to(thread.as_deref()) {
            return;
        }
        self.counts.add(thread.as_ref(), is_highlight);
        self.unread.push_back(Unread { position: position.0, thread, is_highlight });
        if self.unread.len() > MOST {
            let plain = self.unread.iter().position(|unread| !unread.is_highlight);
            self.unread.remove(plain.unwrap_or(0));
            self.sum();
        }
    }

    /// Takes an event out that was taken back.
    pub fn forget(&mut self, position: Position) {
        self.retain(|unread| unread.position != position.0);
    }

    /// The reader has read up to `position`, as a receipt with this thread says.
    pub fn read(&mut self, thread: &str, position: Position) {
        match <&EventId>::try_from(thread) {
            _ if thread.is_empty() => self.read_everything(position),
            _ if thread == MAIN => self.read_thread(None, position),
            Ok(root) => self.read_thread(Some(root), position),
            Err(_) => {}
        }
    }

    /// The same for several receipts.
    pub fn read_marks(&mut self, marks: &[Mark]) {
        for mark in marks {
            self.read(&mark.thread, mark.event_position);
        }
    }

    /// The reader has read everything up to `position`.
    pub fn read_everything(&mut self, position: Position) {
        if position <= self.everything {
            return;
        }
        self.everything = position;
        self.threads.retain(|_, read_to| *read_to > position);
        self.retain(|unread| unread.position > position.0);
    }

    /// The reader has read a thread (what is in none, if none) up to `position`.
    pub fn read_thread(&mut self, thread: Option<&EventId>, position: Position) {
        if position <= self.read_to(thread) {
            return;
        }
        match thread {
            None => self.main = position,
            Some(root) if position > self.counted_to => drop(self.threads.insert(root.to_owned(), position)),
            Some(_) => {}
        }
        self.retain(|unread| unread.position > position.0 || unread.thread.as_deref() != thread);
    }

    fn read_to(&self, thread: Option<&EventId>) -> Position {
        let of_thread = match thread {
            None => Some(self.main),
            Some(root) => self.threads.get(root).copied(),
        };
        of_thread.unwrap_or(self.everything).max(self.everything)
    }

    fn retain(&mut self, keep: impl Fn(&Unread) -> bool) {
        let before = self.unread.len();
        self.unread.retain(keep);
        if self.unread.len() < before {
            self.unsaved += 1;
            self.sum();
        }
    }

    fn sum(&mut self) {
        self.counts = Counts::default();
        for unread in &self.unread {
            self.counts.add(unread.thread.as_ref(), unread.is_highlight);
        }
    }
}
