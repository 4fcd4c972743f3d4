//! Reads the log page by page: from the tail, and from storage what is older.

use std::{collections::HashSet, sync::Arc};

use super::Watch;
use crate::{
    Result,
    event::Event,
    storage::{
        events,
        numbers::{Position, UserNid},
    },
    tail::Fact,
};

/// Events that are looked at before their notifications go out.
const PAGE: usize = 500;

/// A part of the log.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) events: Vec<Arc<Event>>,
    /// Those with pushers who have read something, which changes the number of what is unread.
    pub(super) readers: HashSet<UserNid>,
    /// Where it ends.
    pub(super) until: Position,
}

impl Watch {
    /// The next events and who has read something meanwhile: from the tail if it reaches so far back.
    pub(super) async fn page(&self, since: Position, head: Position) -> Result<Page> {
        if let Some(page) = self.page_of_tail(since, head) {
            return Ok(page);
        }
        let stored = events::log(&mut *self.storage.conn().await?, since, head, PAGE).await?;
        let is_end = stored.len() < PAGE;
        let events = stored.into_iter().map(|stored| self.rooms.events().admit(stored)).collect::<Result<Vec<_>>>()?;
        let last = events.last().and_then(|event| event.position());
        let until = last.filter(|_| !is_end).unwrap_or(head);
        Ok(Page { events, readers: HashSet::new(), until })
    }

    fn page_of_tail(&self, since: Position, head: Position) -> Option<Page> {
        let tail = self.tail.view();
        if !tail.reaches(since) {
            return None;
        }
        let mut page = Page { events: Vec::new(), readers: HashSet::new(), until: head };
        for entry in tail.in_rooms(since).take_while(|entry| entry.position <= head) {
            match &entry.fact {
                Fact::Event(event) => page.events.push(event.clone()),
                Fact::Receipt(receipt) if self.pushers.is_owner(receipt.user) => {
                    page.readers.insert(receipt.user);
                }
                _ => {}
            }
            if page.events.len() >= PAGE {
                page.until = entry.position;
                break;
            }
        }
        Some(page)
    }
}
