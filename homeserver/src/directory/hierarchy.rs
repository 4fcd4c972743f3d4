//! Walks through spaces. Client-server API, "Spaces".

use std::{collections::HashSet, fmt, sync::Arc};

use ruma::{OwnedRoomId, api::client::space::get_hierarchy};
use serde::Deserialize;
use serde_json::Value;

use super::Directory;
use crate::{
    Error, Result,
    accounts::User,
    event::Event,
    json::{self, Object},
    rooms::view::View,
    storage::numbers::RoomNid,
};

/// Rooms on a page, if the reader does not say, and at most.
const LIMIT: (usize, usize) = (50, 100);
/// A walk ends after it has looked at so many rooms, whether or not they may be known.
const LOOKED_AT: usize = 10_000;

/// What a reader asks for; it has to stay the same from page to page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    suggested_only: bool,
    max_depth: Option<u64>,
}

/// The last room of the page before. The walk is repeated up to there, so that nothing has to be
/// remembered between pages and every room is told of once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Token {
    asked: Asked,
    last: RoomNid,
}

impl Token {
    fn parse(token: &str) -> Result<Self> {
        let parsed = || {
            let mut parts = token.strip_prefix('h')?.split('_');
            let last = RoomNid(parts.next()?.parse().ok()?);
            let suggested_only = parts.next()? == "s";
            let max_depth = match parts.next()? {
                "" => None,
                depth => Some(depth.parse().ok()?),
            };
            Some(Self { asked: Asked { suggested_only, max_depth }, last })
        };
        parsed().ok_or_else(|| Error::invalid_param("This is not a token of this list."))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suggested = if self.asked.suggested_only { "s" } else { "a" };
        let depth = self.asked.max_depth.map(|depth| depth.to_string()).unwrap_or_default();
        write!(f, "h{}_{suggested}_{depth}", self.last.0)
    }
}

/// A room that a space names as its child.
#[derive(Debug)]
struct Child {
    room: OwnedRoomId,
    order: Option<String>,
    event: Arc<Event>,
}

impl Child {
    /// The child that an event names, if it still names one.
    fn of(event: Arc<Event>, suggested_only: bool) -> Option<Self> {
        #[derive(Deserialize)]
        struct Content {
            via: Option<Value>,
            order: Option<Value>,
            suggested: Option<Value>,
        }
        let content: Content = event.content_as()?;
        let via = content.via.as_ref().and_then(Value::as_array)?;
        if via.is_empty() || !via.iter().all(Value::is_string) {
            return None;
        }
        if suggested_only && content.suggested != Some(Value::Bool(true)) {
            return None;
        }
        let order = content.order.as_ref().and_then(Value::as_str).filter(|order| is_order(order));
        Some(Self { room: OwnedRoomId::try_from(event.state_key()?).ok()?, order: order.map(ToOwned::to_owned), event })
    }

    /// Client-server API, "Ordering of children within a space".
    fn sort_key(&self) -> (bool, Option<&str>, u64, &str) {
        let sent_at = self.event.pdu.origin_server_ts.0.into();
        (self.order.is_none(), self.order.as_deref(), sent_at, self.room.as_str())
    }

    fn write(&self, out: &mut String) {
        json::write_object(out, |object| {
            object.text("type", "m.space.child");
            object.text("state_key", self.room.as_str());
            object.raw("content", self.event.content().get());
            object.text("sender", self.event.sender().as_str());
            object.plain("origin_server_ts", self.event.pdu.origin_server_ts.0);
        });
    }
}

fn is_order(order: &str) -> bool {
    (1..=50).contains(&order.len()) && order.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}

/// A walk, depth first: a space comes before its children, and those before what follows the space.
#[derive(Debug)]
struct Walk<'a> {
    directory: &'a Directory,
    /// Who looks; none for an administrator, who may know all rooms.
    reader: Option<&'a User>,
    asked: Asked,
    ahead: Vec<(OwnedRoomId, u64)>,
    seen: HashSet<OwnedRoomId>,
}

/// A room that the walk has come to.
#[derive(Debug)]
struct Step {
    view: Arc<View>,
    children: Vec<Child>,
}

impl Walk<'_> {
    /// The next room that the reader may know.
    async fn next(&mut self) -> Result<Option<Step>> {
        while let Some((room, depth)) = self.ahead.pop() {
            if self.seen.len() >= LOOKED_AT {
                return Ok(None);
            }
            if !self.seen.insert(room.clone()) {
                continue;
            }
            let Some(view) = self.directory.rooms.find(&room).await? else { continue };
            if self.reader.is_some() && !self.directory.may_know(&view, self.reader).await? {
                continue;
            }
            let children = self.directory.children(&view, self.asked.suggested_only).await?;
            if self.asked.max_depth.is_none_or(|deepest| depth < deepest) {
                self.ahead.extend(children.iter().rev().map(|child| (child.room.clone(), depth + 1)));
            }
            return Ok(Some(Step { view, children }));
        }
        Ok(None)
    }
}

impl Directory {
    /// A page of the rooms in a space.
    pub async fn hierarchy(&self, reader: &User, request: get_hierarchy::v1::Request) -> Result<String> {
        self.hierarchy_for(Some(reader), request).await
    }

    /// The same for an administrator, who may know all rooms.
    pub async fn oversee_hierarchy(&self, request: get_hierarchy::v1::Request) -> Result<String> {
        self.hierarchy_for(None, request).await
    }

    async fn hierarchy_for(&self, reader: Option<&User>, request: get_hierarchy::v1::Request) -> Result<String> {
        let asked = Asked { suggested_only: request.suggested_only, max_depth: request.max_depth.map(Into::into) };
        let token = request.from.as_deref().map(Token::parse).transpose()?;
        if token.is_some_and(|token| token.asked != asked) {
            return Err(Error::invalid_param(
                "suggested_only and max_depth have to stay as they are from page to page.",
            ));
        }
        let limit = request.limit.map_or(LIMIT.0, |limit| usize::try_from(u64::from(limit)).unwrap_or(LIMIT.1));
        let mut walk =
            Walk { directory: self, reader, asked, ahead: vec![(request.room_id.clone(), 0)], seen: HashSet::new() };
        let mut step = walk.next().await?;
        if step.as_ref().is_none_or(|step| step.view.id != request.room_id) {
            return Err(Error::forbidden("You may not see this space."));
        }
        if let Some(token) = token {
            while step.as_ref().is_some_and(|step| step.view.nid != token.last) {
                step = walk.next().await?;
            }
            if step.is_none() {
                return Err(Error::invalid_param("The space has changed. Read it from the beginning."));
            }
            step = walk.next().await?;
        }
        self.hierarchy_page(walk, step, limit.clamp(1, LIMIT.1)).await
    }

    async fn hierarchy_page(&self, mut walk: Walk<'_>, first: Option<Step>, limit: usize) -> Result<String> {
        let mut rooms = Vec::new();
        let mut last = None;
        let mut step = first;
        while let Some(here) = step.take_if(|_| rooms.len() < limit) {
            let summary = self.summarise(&here.view).await?;
            rooms.push(json::object(|room| {
                summary.write(room);
                write_children(room, &here.children);
            }));
            last = Some(here.view.nid);
            step = walk.next().await?;
        }
        let next = last.filter(|_| step.is_some()).map(|last| Token { asked: walk.asked, last });
        Ok(json::object(|answer| {
            answer.array("rooms", &rooms, |out, room| out.push_str(room));
            if let Some(token) = next {
                answer.text("next_batch", &token.to_string());
            }
        }))
    }

    /// The children of a space, in their order; other rooms have none.
    async fn children(&self, view: &View, suggested_only: bool) -> Result<Vec<Child>> {
        if view.room_type().as_deref() != Some("m.space") {
            return Ok(Vec::new());
        }
        let events = self.rooms.events_of_type(view.nid, "m.space.child").await?;
        let mut children: Vec<Child> =
            events.into_iter().filter_map(|event| Child::of(event, suggested_only)).collect();
        children.sort_by(|one, other| one.sort_key().cmp(&other.sort_key()));
        Ok(children)
    }
}

fn write_children(room: &mut Object<'_>, children: &[Child]) {
    room.array("children_state", children, |out, child| child.write(out));
}

#[cfg(test)]
mod tests;
