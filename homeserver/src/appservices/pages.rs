//! Reads the log page by page: from the tail, and from storage what is older.

use std::sync::Arc;

use super::Sources;
use crate::{
    Result,
    event::Event,
    storage::{events, numbers::Position},
    tail::Fact,
};

/// Events that are looked at for one transaction, at most.
const EVENTS: usize = 500;

/// A part of the log.
#[derive(Debug)]
pub(super) struct Page {
    /// The events, oldest first.
    pub(super) events: Vec<Arc<Event>>,
    /// Where it ends.
    pub(super) until: Position,
}

impl Page {
    /// What comes after `since`, up to `head` or less far.
    pub(super) async fn read(sources: &Sources, since: Position, head: Position) -> Result<Self> {
        if let Some(page) = Self::of_tail(sources, since, head) {
            return Ok(page);
        }
        let stored = events::log(&mut *sources.storage.conn().await?, since, head, EVENTS).await?;
        let is_end = stored.len() < EVENTS;
        let events =
            stored.into_iter().map(|stored| sources.rooms.events().admit(stored)).collect::<Result<Vec<_>>>()?;
        let last = events.last().and_then(|event| event.position());
        Ok(Self { events, until: last.filter(|_| !is_end).unwrap_or(head) })
    }

    fn of_tail(sources: &Sources, since: Position, head: Position) -> Option<Self> {
        let tail = sources.tail.view();
        if !tail.reaches(since) {
            return None;
        }
        let mut page = Self { events: Vec::new(), until: head };
        for entry in tail.in_rooms(since).take_while(|entry| entry.position <= head) {
            if let Fact::Event(event) = &entry.fact {
                page.events.push(event.clone());
            }
            if page.events.len() >= EVENTS {
                page.until = entry.position;
                break;
            }
        }
        Some(page)
    }
}
