//! Says whether local users may do what they want to in rooms, as far as that is a matter of access
//! rules and not of a room's own.

mod spaces;

use ruma::{OwnedRoomId, RoomId, UserId, events::TimelineEventType};
use serde::Deserialize;

use self::spaces::Spaces;
use crate::{
    Result,
    access::{Access, feature::Feature},
    accounts::User,
    clock::Clock,
    rooms::{Rooms, draft::Wish},
};

/// Kinds of messages that show a file.
const FILES: [&str; 4] = ["m.audio", "m.file", "m.image", "m.video"];

/// Asks the rules for `rooms`.
#[derive(Clone, Debug)]
pub struct Admission {
    access: Access,
    rooms: Rooms,
    spaces: Spaces,
}

impl Admission {
    /// Asks the rules of `access`.
    pub fn new(access: Access, rooms: Rooms, clock: Clock) -> Self {
        Self { access, spaces: Spaces::new(rooms.clone(), clock), rooms }
    }

    /// Refuses `user` what they may not do.
    pub async fn feature(&self, user: &User, feature: Feature) -> Result<()> {
        self.access.gates.feature(&user.visitor(), feature).await
    }

    /// Refuses to let `user` into a room, or speak there, from where they are.
    pub async fn room(&self, user: &User, room: &RoomId) -> Result<()> {
        let around = self.spaces_with_rules(room).await?;
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

    /// Refuses to have `user`, who is of another server, in `room`, or in a room that is being made: to
    /// invite them, and to take in what they do there. Of where they come from, and of their e-mail
    /// addresses, nothing is known here.
    pub async fn stranger(&self, user: &UserId, room: Option<&RoomId>) -> Result<()> {
        let around = match room {
            Some(room) => self.spaces_with_rules(room).await?,
            None => Vec::new(),
        };
        let spaces: Vec<&RoomId> = around.iter().map(|space| &**space).collect();
        self.access.gates.stranger(user, room, &spaces)
    }

    /// The spaces about which there are rules and in which `room` is.
    pub async fn spaces_with_rules(&self, room: &RoomId) -> Result<Vec<OwnedRoomId>> {
        let mut around = Vec::new();
        for space in self.access.rulebook.current().spaces() {
            if **space == *room || self.spaces.holds(space, room).await? {
                around.push(space.clone());
            }
        }
        Ok(around)
    }
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
