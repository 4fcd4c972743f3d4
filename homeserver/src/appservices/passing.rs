//! What passes: receipts, typing and presence. Application service API, "Pushing ephemeral data".

use std::{collections::BTreeMap, sync::Arc};

use ruma::OwnedUserId;

use super::{Sources, interests::Interests};
use crate::{
    Result,
    ephemeral::receipts::content_where,
    json,
    storage::numbers::{Position, RoomNid},
    tail::Receipt,
};

/// The changes of typing and presence between two numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changes {
    /// Told of before.
    pub(super) since: u64,
    /// The newest, asked for before the changes.
    pub(super) until: u64,
}

impl Changes {
    /// Whether there are any.
    pub(super) fn is_some(&self) -> bool {
        self.until > self.since
    }
}

/// The `m.receipt` events of what was read up to `until`.
pub(super) async fn receipts(
    sources: &Sources,
    interests: &Interests,
    receipts: Vec<(Position, Arc<Receipt>)>,
    until: Position,
) -> Result<Vec<String>> {
    let mut by_room: BTreeMap<RoomNid, Vec<Arc<Receipt>>> = BTreeMap::new();
    for (_, receipt) in receipts.into_iter().filter(|(position, _)| *position <= until) {
        by_room.entry(receipt.room).or_default().push(receipt);
    }
    let mut events = Vec::new();
    for (room, receipts) in by_room {
        let view = sources.rooms.load(room).await?;
        if !interests.include_room(&view).await? {
            continue;
        }
        let is_its = |receipt: &Receipt| interests.service().is_interested_in_user(&receipt.user_id);
        let content = content_where(&receipts, |receipt| !receipt.is_private || is_its(receipt));
        if content != "{}" {
            events.push(in_room("m.receipt", view.id.as_str(), &content));
        }
    }
    Ok(events)
}

/// The `m.typing` and `m.presence` events of what changed.
pub(super) async fn changes(sources: &Sources, interests: &Interests, changes: Changes) -> Result<Vec<String>> {
    let mut events = Vec::new();
    for room in sources.typing.rooms_changed_since(changes.since) {
        let view = sources.rooms.load(room).await?;
        if interests.include_room(&view).await?
            && let Some(users) = sources.typing.changed_since(room, changes.since)
        {
            events.push(in_room("m.typing", view.id.as_str(), &typing(&users)));
        }
    }
    for seen in sources.presence.changed_since(changes.since, |_| true) {
        if interests.include_user(seen.user, &seen.user_id).await? {
            let mut event = String::new();
            seen.write_event(&mut event);
            events.push(event);
        }
    }
    Ok(events)
}

fn typing(users: &[OwnedUserId]) -> String {
    json::object(|content| {
        content.array("user_ids", users, |out, user| out.push_str(&json::quoted(user.as_str())));
    })
}

fn in_room(kind: &str, room_id: &str, content: &str) -> String {
    json::object(|event| {
        event.text("type", kind);
        event.text("room_id", room_id);
        event.raw("content", content);
    })
}
