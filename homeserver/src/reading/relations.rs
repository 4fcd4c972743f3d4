//! The events that relate to an event. Client-server API, "Relationships API".

use ruma::{OwnedEventId, OwnedRoomId, api::Direction};

use super::{MAX_LIMIT, Reading, token::Token};
use crate::{
    Result,
    accounts::User,
    json,
    rooms::related::DEPTH,
    storage::{events::Range, numbers::Position, relations::pages::Which},
};

/// Events on a page whose reader does not say how many.
const USUAL_LIMIT: usize = 20;

/// What a request asks for.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are those of the requests")]
pub struct Asked {
    pub room_id: OwnedRoomId,
    pub event_id: OwnedEventId,
    pub rel_type: Option<String>,
    pub event_type: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub limit: Option<u64>,
    pub dir: Direction,
    pub recurse: bool,
}

impl Reading {
    /// A page of the events that relate to an event, or to one that does, and so on.
    pub async fn relations(&self, reader: &User, asked: Asked) -> Result<String> {
        let (parent, view, mut sight) = self.rooms.visible_event(reader, &asked.room_id, &asked.event_id).await?;
        let horizon = self.rooms.horizon(&sight);
        let from = asked.from.as_deref().map(Token::parse).transpose()?.map(|token| token.position);
        let to = asked.to.as_deref().map(Token::parse).transpose()?.map(|token| token.position);
        let range = match asked.dir {
            Direction::Backward => {
                let from = from.unwrap_or(horizon).min(horizon);
                Range::Down(Position(from.0.saturating_add(1)), to.unwrap_or(Position(i64::MIN)))
            }
            Direction::Forward => Range::Up(from.unwrap_or(Position(i64::MIN)), to.unwrap_or(horizon).min(horizon)),
        };
        let limit = limit(asked.limit);
        let which = Which { rel_type: asked.rel_type.as_deref(), kind: asked.event_type.as_deref() };
        // One more than wanted tells whether there is more.
        let mut events = if asked.recurse {
            self.rooms.descendants_page(view.nid, parent.event.id(), which, range, limit + 1).await?
        } else {
            self.rooms.children_page(view.nid, parent.event.id(), which, range, limit + 1).await?
        };
        let has_more = events.len() > limit;
        events.truncate(limit);
        let last = events.last().and_then(|event| event.position()).filter(|_| has_more);
        let events = self.visible(&mut sight, events).await?;
        let telling = self.telling(&mut sight, reader, &events).await?;
        Ok(json::object(|answer| {
            answer.array("chunk", &events, |out, visible| telling.write(out, visible));
            if let Some(last) = last {
                let position = if asked.dir == Direction::Backward { Position(last.0 - 1) } else { last };
                answer.text("next_batch", &Token { position }.to_string());
            }
            if let Some(from) = &asked.from {
                answer.text("prev_batch", from);
            }
            if asked.recurse {
                answer.plain("recursion_depth", DEPTH);
            }
        }))
    }
}

/// So many events as a request asks for, within reason.
pub(super) fn limit(asked: Option<u64>) -> usize {
    asked.map_or(USUAL_LIMIT, super::limit).clamp(1, MAX_LIMIT)
}
