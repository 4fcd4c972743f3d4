//! Finds the thread that an event belongs to. Client-server API, "Threaded read receipts".

use std::sync::Arc;

use ruma::{EventId, OwnedEventId};
use serde::Deserialize;

use crate::{Result, event::Event, rooms::events::Events};

/// The thread ID of everything that is in no thread.
pub const MAIN: &str = "main";

/// So many relations are followed before an event counts as being in no thread; the specification
/// recommends it.
const HOPS: usize = 3;

/// What an event was found to be related to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ancestry {
    /// The root of the thread that the event is in.
    pub thread: Option<OwnedEventId>,
    /// The event itself and those it relates to, directly or not, nearest first; where it is in a
    /// thread, without the root.
    passed: Vec<OwnedEventId>,
}

#[derive(Deserialize)]
struct Relation {
    rel_type: String,
    event_id: OwnedEventId,
}

impl Ancestry {
    /// Whether a receipt for `thread` may point at the event: it is in the thread, or it is the
    /// root, or related to the root.
    pub fn may_be_read_in(&self, thread: &EventId) -> bool {
        match &self.thread {
            Some(root) => root == thread,
            None => self.passed.iter().any(|passed| passed == thread),
        }
    }
}

/// Follows the relations of `event`.
pub async fn ancestry(events: &Events, event: &Arc<Event>) -> Result<Ancestry> {
    let mut passed = vec![event.id().to_owned()];
    let mut relation = relation(event);
    for _ in 0..HOPS {
        let Some(Relation { rel_type, event_id }) = relation else { break };
        if rel_type == "m.thread" {
            return Ok(Ancestry { thread: Some(event_id), passed });
        }
        let parent = events.find(&event_id).await?.filter(|parent| parent.room_nid == event.room_nid);
        passed.push(event_id);
        let Some(parent) = parent else { break };
        relation = self::relation(&parent);
    }
    Ok(Ancestry { thread: None, passed })
}

fn relation(event: &Event) -> Option<Relation> {
    #[derive(Deserialize)]
    struct Content {
        #[serde(rename = "m.relates_to")]
        relates_to: Option<Relation>,
    }
    // Most events relate to nothing: do not parse them.
    if !event.content().get().contains("m.relates_to") {
        return None;
    }
    event.content_as::<Content>()?.relates_to
}
