//! Decides which events a client's filter lets pass. Client-server API, "Filtering".

use std::collections::HashSet;

use ruma::{
    OwnedRoomId, OwnedUserId, RoomId,
    api::client::filter::{RoomEventFilter, UrlFilter},
};

use crate::event::Event;

/// A filter for room events, made ready for matching.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    types: Option<Vec<Pattern>>,
    not_types: Vec<Pattern>,
    senders: Option<HashSet<OwnedUserId>>,
    not_senders: HashSet<OwnedUserId>,
    rooms: Option<HashSet<OwnedRoomId>>,
    not_rooms: HashSet<OwnedRoomId>,
    has_url: Option<bool>,
}

/// An event type in which `*` stands for anything.
#[derive(Clone, Debug)]
struct Pattern(String);

impl Pattern {
    fn matches(&self, kind: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(first) = parts.next() else { return false };
        let Some(mut rest) = kind.strip_prefix(first) else { return false };
        let mut parts = parts.peekable();
        if parts.peek().is_none() {
            return rest.is_empty();
        }
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return rest.ends_with(part);
            }
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        true
    }
}

impl EventFilter {
    /// Makes `filter` ready.
    pub fn new(filter: &RoomEventFilter) -> Self {
        let patterns = |types: &[String]| types.iter().cloned().map(Pattern).collect::<Vec<_>>();
        Self {
            types: filter.types.as_deref().map(patterns),
            not_types: patterns(&filter.not_types),
            senders: filter.senders.as_ref().map(|senders| senders.iter().cloned().collect()),
            not_senders: filter.not_senders.iter().cloned().collect(),
            rooms: filter.rooms.as_ref().map(|rooms| rooms.iter().cloned().collect()),
            not_rooms: filter.not_rooms.iter().cloned().collect(),
            has_url: filter.url_filter.as_ref().map(|filter| *filter == UrlFilter::EventsWithUrl),
        }
    }

    /// Whether it lets everything pass.
    pub fn is_empty(&self) -> bool {
        self.types.is_none()
            && self.not_types.is_empty()
            && self.senders.is_none()
            && self.not_senders.is_empty()
            && self.has_url.is_none()
    }

    /// Whether it lets events of this type pass.
    pub fn passes_type(&self, kind: &str) -> bool {
        let is_wanted = self.types.as_ref().is_none_or(|types| types.iter().any(|pattern| pattern.matches(kind)));
        is_wanted && !self.not_types.iter().any(|pattern| pattern.matches(kind))
    }

    /// Whether it lets anything of this room pass.
    pub fn passes_room(&self, room: &RoomId) -> bool {
        self.rooms.as_ref().is_none_or(|rooms| rooms.contains(room)) && !self.not_rooms.contains(room)
    }

    /// Whether it lets an event pass, its room left out of account.
    pub fn passes(&self, event: &Event) -> bool {
        if self.is_empty() {
            return true;
        }
        let sender = event.sender();
        self.passes_type(&event.kind().to_string())
            && self.senders.as_ref().is_none_or(|senders| senders.contains(sender))
            && !self.not_senders.contains(sender)
            && self.has_url.is_none_or(|wanted| has_url(event) == wanted)
    }
}

fn has_url(event: &Event) -> bool {
    #[derive(serde::Deserialize)]
    struct Content {
        url: Option<String>,
    }
    event.content_as::<Content>().is_some_and(|content| content.url.is_some())
}
