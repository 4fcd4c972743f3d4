//! Decides which events a client's filter lets pass. Client-server API, "Filtering".

use std::collections::HashSet;

use ruma::{
    OwnedRoomId, OwnedUserId, RoomId, UserId,
    api::client::filter::{RoomEventFilter, UrlFilter},
};
use serde::Deserialize;

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
    relations: RelationFilter,
}

/// What a filter may say about relations. None of it is in the specification (any more), but clients
/// ask for it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct RelationFilter {
    /// Only events to which events of one of these people relate. MSC3440.
    #[serde(default, alias = "io.element.relation_senders")]
    related_by_senders: Vec<OwnedUserId>,
    /// Only events to which others relate by one of these types. MSC3440.
    #[serde(default, alias = "io.element.relation_types")]
    related_by_rel_types: Vec<String>,
    /// Only events that relate to others by one of these types. MSC3874.
    #[serde(default, rename = "org.matrix.msc3874.rel_types")]
    rel_types: Option<Vec<String>>,
    /// No events that relate to others by one of these types. MSC3874.
    #[serde(default, rename = "org.matrix.msc3874.not_rel_types")]
    not_rel_types: Vec<String>,
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
            relations: RelationFilter::default(),
        }
    }

    /// The same with conditions about relations.
    #[must_use]
    pub fn with_relations(mut self, relations: RelationFilter) -> Self {
        self.relations = relations;
        self
    }

    /// Which events must relate to an event for it to pass: their types (any, if empty) and senders
    /// (anybody's, if empty); nothing, if none need to. [`Self::passes`] does not check it.
    pub fn related_by(&self) -> Option<(&[String], Vec<&UserId>)> {
        let RelationFilter { related_by_rel_types, related_by_senders, .. } = &self.relations;
        let is_asked = !related_by_rel_types.is_empty() || !related_by_senders.is_empty();
        is_asked.then(|| (&**related_by_rel_types, related_by_senders.iter().map(|sender| &**sender).collect()))
    }

    /// Whether it lets everything pass.
    pub fn is_empty(&self) -> bool {
        self.types.is_none()
            && self.not_types.is_empty()
            && self.senders.is_none()
            && self.not_senders.is_empty()
            && self.has_url.is_none()
            && self.relations.rel_types.is_none()
            && self.relations.not_rel_types.is_empty()
    }

    /// Whether it lets events of this type pass.
    pub fn passes_type(&self, kind: &str) -> bool {
        let is_wanted = self.types.as_ref().is_none_or(|types| types.iter().any(|pattern| pattern.matches(kind)));
        is_wanted && !self.not_types.iter().any(|pattern| pattern.matches(kind))
    }

    /// Whether it lets what this user sent pass.
    pub fn passes_sender(&self, sender: &UserId) -> bool {
        self.senders.as_ref().is_none_or(|senders| senders.contains(sender)) && !self.not_senders.contains(sender)
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
            && self.relations.passes(event)
    }
}

impl RelationFilter {
    fn passes(&self, event: &Event) -> bool {
        if self.rel_types.is_none() && self.not_rel_types.is_empty() {
            return true;
        }
        let relation = event.relation();
        let is_by = |types: &[String]| {
            relation.as_ref().is_some_and(|relation| types.iter().any(|rel_type| relation.is(rel_type)))
        };
        self.rel_types.as_deref().is_none_or(is_by) && !is_by(&self.not_rel_types)
    }
}

fn has_url(event: &Event) -> bool {
    #[derive(Deserialize)]
    struct Content {
        url: Option<String>,
    }
    event.content_as::<Content>().is_some_and(|content| content.url.is_some())
}
