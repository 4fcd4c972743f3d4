//! What those who are not in a room are told of it, and who they are.

use ruma::{
    OwnedMxcUri, OwnedRoomAliasId, OwnedRoomId, RoomId, events::room::history_visibility::HistoryVisibility,
    room::JoinRuleKind,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Directory;
use crate::{
    Error, Result,
    accounts::User,
    json::{self, Object},
    rooms::view::{View, membership_in},
    storage::rooms::Membership,
};

/// A room in short.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the specification's")]
pub struct Summary {
    pub room_id: OwnedRoomId,
    pub canonical_alias: Option<OwnedRoomAliasId>,
    pub name: Option<String>,
    pub topic: Option<String>,
    pub avatar_url: Option<OwnedMxcUri>,
    pub room_type: Option<String>,
    pub num_joined_members: usize,
    pub join_rule: JoinRuleKind,
    pub allowed_room_ids: Vec<OwnedRoomId>,
    pub world_readable: bool,
    pub guest_can_join: bool,
    pub encryption: Option<String>,
    pub room_version: String,
}

impl Summary {
    /// Writes what the published list tells.
    pub fn write_listed(&self, object: &mut Object<'_>) {
        object.text("room_id", self.room_id.as_str());
        let texts = [
            ("canonical_alias", self.canonical_alias.as_ref().map(|alias| alias.as_str())),
            ("name", self.name.as_deref()),
            ("topic", self.topic.as_deref()),
            ("avatar_url", self.avatar_url.as_ref().map(|url| url.as_str())),
            ("room_type", self.room_type.as_deref()),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                object.text(key, text);
            }
        }
        object.plain("num_joined_members", self.num_joined_members);
        object.text("join_rule", self.join_rule.as_str());
        object.plain("world_readable", self.world_readable);
        object.plain("guest_can_join", self.guest_can_join);
    }

    /// Writes everything.
    pub fn write(&self, object: &mut Object<'_>) {
        self.write_listed(object);
        if !self.allowed_room_ids.is_empty() {
            object.array("allowed_room_ids", &self.allowed_room_ids, |out, room| {
                out.push_str(&json::quoted(room.as_str()));
            });
        }
        if let Some(algorithm) = &self.encryption {
            object.text("encryption", algorithm);
            // The name it had before it was in the specification.
            object.text("im.nheko.summary.encryption", algorithm);
        }
        object.text("room_version", &self.room_version);
        object.text("im.nheko.summary.room_version", &self.room_version);
        object.text("im.nheko.summary.version", &self.room_version);
    }
}

impl Directory {
    /// The summary of a room, for somebody who may know it, or for anybody.
    /// Client-server API, `GET /room_summary/{roomIdOrAlias}`.
    pub async fn room_summary(&self, reader: Option<&User>, room_id: &RoomId) -> Result<String> {
        let unknown = || Error::not_found("There is no such room, or you may not know of it.");
        let view = self.rooms.find(room_id).await?.ok_or_else(unknown)?;
        if !self.may_know(&view, reader).await? {
            return Err(unknown());
        }
        let summary = self.summarise(&view).await?;
        let membership = match reader {
            Some(reader) => Some(self.membership(&view, reader).await?.unwrap_or(Membership::Leave)),
            None => None,
        };
        Ok(json::object(|answer| {
            summary.write(answer);
            if let Some(membership) = membership {
                answer.text("membership", membership.as_str());
            }
        }))
    }

    /// Whether somebody may know that a room exists and what it is called: because everybody may
    /// ask to come in or read, because they are in it or invited, or because the room lets in
    /// members of another room they are in.
    pub(super) async fn may_know(&self, view: &View, reader: Option<&User>) -> Result<bool> {
        let is_open =
            matches!(view.join_rule(), JoinRuleKind::Public | JoinRuleKind::Knock | JoinRuleKind::KnockRestricted);
        if is_open || view.history_visibility() == HistoryVisibility::WorldReadable {
            return Ok(true);
        }
        let Some(reader) = reader else { return Ok(false) };
        if view.is_joined(reader.nid) || view.invited.contains(&reader.nid) {
            return Ok(true);
        }
        if self.rooms.is_in_an_allowed_room(view, reader.nid).await? {
            return Ok(true);
        }
        Ok(self.membership(view, reader).await? == Some(Membership::Knock))
    }

    async fn membership(&self, view: &View, reader: &User) -> Result<Option<Membership>> {
        let event = self.rooms.state_event(view, "m.room.member", reader.id.as_str()).await?;
        Ok(event.as_ref().map(membership_in))
    }

    /// Reads a room's summary from its state.
    pub(super) async fn summarise(&self, view: &View) -> Result<Summary> {
        #[derive(Deserialize)]
        struct Avatar {
            url: Option<OwnedMxcUri>,
        }
        #[derive(Deserialize)]
        struct Encryption {
            algorithm: Option<String>,
        }
        let avatar = self.rooms.state_event(view, "m.room.avatar", "").await?;
        let topic = self.rooms.state_event(view, "m.room.topic", "").await?;
        let encryption = self.rooms.state_event(view, "m.room.encryption", "").await?;
        Ok(Summary {
            room_id: view.id.clone(),
            canonical_alias: view.canonical_alias().and_then(|alias| OwnedRoomAliasId::try_from(alias).ok()),
            name: view.name().map(ToOwned::to_owned),
            topic: topic.and_then(|event| event.content_as()).and_then(|content| plain_topic(&content)),
            avatar_url: avatar.and_then(|event| event.content_as::<Avatar>()).and_then(|avatar| avatar.url),
            room_type: view.room_type(),
            num_joined_members: view.joined.len(),
            join_rule: view.join_rule(),
            allowed_room_ids: view.allowed_rooms(),
            world_readable: view.history_visibility() == HistoryVisibility::WorldReadable,
            guest_can_join: view.is_open_to_guests(),
            encryption: encryption
                .and_then(|event| event.content_as::<Encryption>())
                .and_then(|content| content.algorithm),
            room_version: view.version.to_string(),
        })
    }
}

/// The topic as plain text, wherever it stands. Client-server API, `m.room.topic`.
fn plain_topic(content: &Map<String, Value>) -> Option<String> {
    let is_plain = |text: &&Value| text.get("mimetype").is_none_or(|kind| kind == "text/plain");
    let texts = content.get("m.topic").and_then(|topic| topic.get("m.text")).and_then(Value::as_array);
    let plain = texts.and_then(|texts| texts.iter().find(is_plain)).and_then(|text| text.get("body"));
    let topic = plain.or_else(|| content.get("topic"))?.as_str()?;
    (!topic.is_empty()).then(|| topic.to_owned())
}
