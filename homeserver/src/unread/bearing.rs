//! What an event means for a reader's count.

use std::sync::Arc;

use ruma::OwnedEventId;

use super::{Reader, Unread};
use crate::{
    Result,
    event::{Event, member_of},
    rooms::view::{View, membership_in},
    storage::{numbers::Position, rooms::Membership},
};

/// What an event means for somebody's count.
#[derive(Debug)]
pub(super) enum Bearing {
    None,
    /// They came into the room: what was before is not theirs to read.
    CameIn,
    /// They said something themselves.
    Said {
        thread: Option<OwnedEventId>,
    },
    /// The event at this position was taken back.
    Redacts(Position),
    /// They are notified.
    Notifies {
        thread: Option<OwnedEventId>,
        is_highlight: bool,
    },
}

impl Unread {
    /// What an event means for the reader's count.
    pub(super) async fn bearing(&self, reader: Reader<'_>, view: &View, event: &Arc<Event>) -> Result<Bearing> {
        if event.is_redacted() {
            return Ok(Bearing::None);
        }
        if event.state_key().is_some() && member_of(event).as_deref() == Some(reader.id) {
            return Ok(if changes_to_join(event) { Bearing::CameIn } else { Bearing::None });
        }
        if let Some(redacted) = &event.pdu.redacts {
            let redacted = self.rooms.events().find(redacted).await?;
            let taken_back = redacted.filter(|redacted| redacted.is_redacted() && redacted.room_nid == view.nid);
            return Ok(taken_back.and_then(|event| event.position()).map_or(Bearing::None, Bearing::Redacts));
        }
        if event.sender_nid == reader.nid {
            // "… by sending an event, notifications prior to and including that event MUST be marked
            // as read": as a threaded receipt would. State is often set without reading the room.
            if event.state_key().is_some() {
                return Ok(Bearing::None);
            }
            return Ok(Bearing::Said { thread: self.judge.thread(event).await? });
        }
        let verdict = self.judge.judge(reader, view, event).await?;
        if !verdict.notifies() {
            return Ok(Bearing::None);
        }
        Ok(Bearing::Notifies { thread: self.judge.thread(event).await?, is_highlight: verdict.is_highlight() })
    }
}

/// Whether a membership event says that somebody came in who was not in the room before.
fn changes_to_join(event: &Arc<Event>) -> bool {
    #[derive(serde::Deserialize)]
    struct Unsigned {
        prev_content: Option<Content>,
    }
    #[derive(serde::Deserialize)]
    struct Content {
        membership: String,
    }
    let before = serde_json::from_str::<Unsigned>(&format!("{{{}}}", event.unsigned)).ok();
    let before = before.and_then(|unsigned| unsigned.prev_content);
    membership_in(event) == Membership::Join && before.is_none_or(|content| content.membership != "join")
}
