//! Says whether local users may do what they want to in rooms, as far as that is a matter of access
//! rules and not of a room's own.

use std::collections::HashSet;

use ruma::{OwnedRoomId, RoomId, events::TimelineEventType};
use serde::Deserialize;

use crate::{
    Result,
    access::{Access, feature::Feature},
    accounts::User,
    rooms::{Rooms, draft::Wish},
};

/// So many rooms of a space are looked at.
const LARGEST_SPACE: usize = 1000;
/// Kinds of messages that show a file.
const FILES: [&str; 4] = ["m.audio", "m.file", "m.image", "m.video"];

/// Asks the rules for `rooms`.
#[derive(Clone, Debug)]
pub struct Admission {
    access: Access,
    rooms: Rooms,
}

impl Admission {
    /// Asks the rules of `access`.
    pub fn new(access: Access, rooms: Rooms) -> Self {
        Self { access, rooms }
    }

    /// Refuses `user` what they may not do.
    pub async fn feature(&self, user: &User, feature: Feature) -> Result<()> {
        self.access.gates.feature(&user.visitor(), feature).await
    }

    /// Refuses to let `user` into a room, or speak there, from where they are.
    pub async fn room(&self, user: &User, room: &RoomId) -> Result<()> {
        let mut around = Vec::new();
        for space in self.access.rulebook.current().spaces() {
            if **space == *room || self.holds(space, room).await? {
                around.push(space.clone());
            }
        }
        let spaces: Vec<&RoomId> = around.iter().map(|space| &**space).collect();
        self.access.gates.room(&user.visitor(), room, &spaces).await
    }

    /// Refuses to let `user` come into a room, knock or invite there, if it is blocked or they have no access.
    pub async fn entrance(&self, user: &User, room: &RoomId) -> Result<()> {
        self.rooms.must_not_be_blocked(room).await?;
        self.room(user, room).await
    }

    /// Refuses to let `user` send an event of this kind to a room.
    pub async fn event(&self, user: &User, room: &RoomId, wish: &Wish) -> Result<()> {
        if let Some(feature) = feature_of(wish) {
            self.feature(user, feature).await?;
        }
        self.room(user, room).await
    }

    /// Whether `space` has `room` in it, directly or in a space that it has in it.
    async fn holds(&self, space: &RoomId, room: &RoomId) -> Result<bool> {
        let mut ahead: Vec<OwnedRoomId> = vec![space.to_owned()];
        let mut seen: HashSet<OwnedRoomId> = HashSet::new();
        while let Some(space) = ahead.pop() {
            if seen.len() >= LARGEST_SPACE || !seen.insert(space.clone()) {
                continue;
            }
            let Some(view) = self.rooms.find(&space).await? else { continue };
            if view.room_type().as_deref() != Some("m.space") {
                continue;
            }
            for event in self.rooms.events_of_type(view.nid, "m.space.child").await? {
                let Some(child) = event.state_key().and_then(|key| OwnedRoomId::try_from(key).ok()) else { continue };
                if event.content_as::<Child>().is_none_or(|child| child.via.is_empty()) {
                    continue;
                }
                if child == room {
                    return Ok(true);
                }
                ahead.push(child);
            }
        }
        Ok(false)
    }
}

/// What makes a child of a space one. Client-server API, "m.space.child".
#[derive(Deserialize)]
struct Child {
    via: Vec<String>,
}

/// The feature that an event makes use of. Whoever may send nothing may still take back what they sent.
fn feature_of(wish: &Wish) -> Option<Feature> {
    #[derive(Default, Deserialize)]
    struct Content {
        msgtype: Option<String>,
    }
    match &wish.kind {
        TimelineEventType::RoomRedaction => None,
        TimelineEventType::Reaction => Some(Feature::React),
        TimelineEventType::Sticker => Some(Feature::SendMedia),
        _ => {
            let content: Content = serde_json::from_str(wish.content.get()).unwrap_or_default();
            let shows_file = content.msgtype.is_some_and(|kind| FILES.contains(&kind.as_str()));
            Some(if shows_file { Feature::SendMedia } else { Feature::SendMessage })
        }
    }
}
