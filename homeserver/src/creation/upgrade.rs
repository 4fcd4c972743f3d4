//! Replaces a room by one of another version. Client-server API, "Room upgrades".

mod power_levels;

use std::sync::Arc;

use ruma::{
    OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, RoomVersionId,
    events::TimelineEventType,
    room_version_rules::{RoomIdFormatVersion, RoomVersionRules},
};
use serde_json::{Map, Value, json};

use super::Creations;
use crate::{
    Error, Result,
    access::feature::Feature,
    accounts::User,
    event::Event,
    rooms::{
        create::{NewRoom, Preset, rules_of},
        draft::Wish,
        view::View,
    },
    storage::numbers::RoomNid,
};

/// The state that is moved, besides power levels.
const MOVED: [&str; 8] = [
    "m.room.join_rules",
    "m.room.history_visibility",
    "m.room.guest_access",
    "m.room.encryption",
    "m.room.server_acl",
    "m.room.name",
    "m.room.avatar",
    "m.room.topic",
];

/// What an upgrade is made of.
#[derive(Debug)]
struct Upgrade<'a> {
    user: &'a User,
    old: Arc<View>,
    room: RoomNid,
    version: RoomVersionId,
    rules: RoomVersionRules,
    additional_creators: Vec<OwnedUserId>,
}

impl Creations {
    /// Replaces a room by one of the version `version`; returns the new room's ID.
    pub async fn upgrade(
        &self,
        user: &User,
        room_id: &RoomId,
        version: RoomVersionId,
        additional_creators: Vec<OwnedUserId>,
    ) -> Result<OwnedRoomId> {
        self.admission.feature(user, Feature::CreateRoom).await?;
        let rules = rules_of(&version)?;
        let old = self.rooms.find(room_id).await?;
        let old = old.ok_or_else(|| Error::not_found("This server does not know that room."))?;
        let needed = old.power_to_send(&TimelineEventType::RoomTombstone, Some(""));
        if !old.is_joined(user.nid) || old.power(&user.id) < needed {
            return Err(Error::forbidden("You may not upgrade this room."));
        }
        let room = self.rooms.next_room().await?;
        let upgrade = Upgrade { user, old, room, version, rules, additional_creators };
        let new_id = self.replace(&upgrade).await?;
        self.hand_over(&upgrade, &new_id).await?;
        Ok(new_id)
    }

    /// Creates the new room and closes the old one with a tombstone.
    ///
    /// Where a room's ID does not follow from its creation event, the tombstone is written first and
    /// sent last, so that the new room can name it.
    async fn replace(&self, upgrade: &Upgrade<'_>) -> Result<OwnedRoomId> {
        let user = &upgrade.user.id;
        let old = upgrade.old.nid;
        if upgrade.rules.room_id_format != RoomIdFormatVersion::V1 {
            let wanted = self.successor(upgrade, None, None).await?;
            let new_id = self.rooms.create(upgrade.user, upgrade.room, wanted).await?;
            self.rooms.say(user, old, tombstone(&new_id)?, None).await?;
            return Ok(new_id);
        }
        let new_id = self.rooms.new_room_id()?;
        let create = |last: OwnedEventId| async {
            let wanted = self.successor(upgrade, Some(new_id.clone()), Some(last)).await?;
            self.rooms.create(upgrade.user, upgrade.room, wanted).await.map(drop)
        };
        self.rooms.say_after(user, old, tombstone(&new_id)?, None, create).await?;
        Ok(new_id)
    }

    /// What the new room is to be.
    async fn successor(
        &self,
        upgrade: &Upgrade<'_>,
        id: Option<OwnedRoomId>,
        last: Option<OwnedEventId>,
    ) -> Result<NewRoom> {
        let mut initial_state = self.moved_state(&upgrade.old).await?;
        initial_state.extend(self.bans(&upgrade.old).await?);
        let mut initial_levels = Map::new();
        if let Some(event) = upgrade.old.power_levels() {
            let content = event.content_as::<Map<String, Value>>().unwrap_or_default();
            let levels = power_levels::moved(content, upgrade);
            initial_levels = power_levels::of_creator_alone(&levels, upgrade);
            // Last, so that nothing before it lacks the power.
            initial_state.push(Wish::state_of("m.room.power_levels", "", &levels)?);
        }
        Ok(NewRoom {
            version: upgrade.version.clone(),
            id,
            creation_content: creation_content(upgrade, last),
            profile: self.memberships.shown_profile(&upgrade.user.id).await?,
            initial_state,
            invite: Vec::new(),
            invitations: Vec::new(),
            name: None,
            topic: None,
            preset: Preset::Private,
            power_levels: initial_levels,
            alias: None,
        })
    }

    /// The state that stands in both rooms.
    async fn moved_state(&self, old: &View) -> Result<Vec<Wish>> {
        let mut wishes = Vec::new();
        for kind in MOVED {
            match self.rooms.state_event(old, kind, "").await? {
                Some(event) => wishes.push(Wish::state(kind, "", event.content().to_owned())),
                // What is not said in the old room means what it means by default, whatever is usual
                // in new rooms.
                None => wishes.extend(default_of(kind).map(|content| Wish::state_of(kind, "", &content)).transpose()?),
            }
        }
        if old.room_type().as_deref() == Some("m.space") {
            for event in self.rooms.events_of_type(old.nid, "m.space.child").await? {
                wishes.extend(child_of_space(&event));
            }
        }
        Ok(wishes)
    }

    /// Who is banned from the old room is banned from the new.
    async fn bans(&self, old: &View) -> Result<Vec<Wish>> {
        let bans = self.rooms.bans(old.nid).await?;
        let wish = |event: &Arc<Event>| {
            Wish::state("m.room.member", event.state_key().unwrap_or_default(), event.content().to_owned())
        };
        Ok(bans.iter().map(wish).collect())
    }

    /// Gives the old room's names and its place on the published list to the new one, and keeps
    /// people from going on in the old.
    async fn hand_over(&self, upgrade: &Upgrade<'_>, new_id: &RoomId) -> Result<()> {
        let new = self.rooms.load(upgrade.room).await?;
        self.directory.hand_over(upgrade.user, &upgrade.old, &new).await?;
        self.memberships.take_along(upgrade.user, &new).await?;
        let Some(event) = upgrade.old.power_levels() else { return Ok(()) };
        let Some(levels) = event.content_as().and_then(power_levels::closed) else { return Ok(()) };
        let wish = Wish::state_of("m.room.power_levels", "", &levels)?;
        match self.rooms.say(&upgrade.user.id, upgrade.old.nid, wish, None).await {
            Ok(_) => Ok(()),
            Err(Error::Refused { message, .. }) => {
                tracing::debug!(room.id = %new_id, %message, "The room that was replaced stays open");
                Ok(())
            }
            Err(fault) => Err(fault),
        }
    }
}

fn creation_content(upgrade: &Upgrade<'_>, last: Option<OwnedEventId>) -> Map<String, Value> {
    let mut predecessor = json!({ "room_id": upgrade.old.id });
    if let Some(last) = last {
        predecessor["event_id"] = last.as_str().into();
    }
    let mut content = Map::from_iter([("predecessor".to_owned(), predecessor)]);
    if let Some(room_type) = upgrade.old.room_type() {
        content.insert("type".to_owned(), room_type.into());
    }
    if !upgrade.old.is_federated() {
        content.insert("m.federate".to_owned(), false.into());
    }
    if !upgrade.additional_creators.is_empty() {
        content.insert("additional_creators".to_owned(), json!(upgrade.additional_creators));
    }
    content
}

fn tombstone(new_id: &RoomId) -> Result<Wish> {
    let content = json!({ "body": "This room has been replaced.", "replacement_room": new_id });
    Wish::state_of("m.room.tombstone", "", &content)
}

/// What it means that a room has no such state, for those kinds that new rooms get by default.
fn default_of(kind: &str) -> Option<Value> {
    match kind {
        "m.room.join_rules" => Some(json!({ "join_rule": "invite" })),
        "m.room.history_visibility" => Some(json!({ "history_visibility": "shared" })),
        "m.room.guest_access" => Some(json!({ "guest_access": "forbidden" })),
        _ => None,
    }
}

/// A room that stands in a space is to stand in its successor too.
fn child_of_space(event: &Event) -> Option<Wish> {
    let is_child = event.content().get().contains("\"via\"");
    is_child.then(|| Wish::state("m.space.child", event.state_key().unwrap_or_default(), event.content().to_owned()))
}
