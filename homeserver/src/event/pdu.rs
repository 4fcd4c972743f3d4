//! The parsed form of a PDU, in every room version.

use std::sync::Arc;

use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedUserId,
    canonical_json::{CanonicalJsonObject, CanonicalJsonValue},
    events::TimelineEventType,
    room_version_rules::{EventIdFormatVersion, RoomVersionRules},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Error, Result};

/// A PDU: the fields that the server works with, and the whole as canonical JSON.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the specification's")]
pub struct Pdu {
    pub event_id: OwnedEventId,
    pub room_id: OwnedRoomId,
    /// Whether the PDU itself has a `room_id`.
    pub states_room: bool,
    pub sender: OwnedUserId,
    pub kind: TimelineEventType,
    pub state_key: Option<Box<str>>,
    pub origin_server_ts: MilliSecondsSinceUnixEpoch,
    pub depth: i64,
    pub prev_events: Vec<OwnedEventId>,
    pub auth_events: Vec<OwnedEventId>,
    /// The event this one redacts, wherever the room version puts that.
    pub redacts: Option<OwnedEventId>,
    pub content: Box<RawValue>,
    /// The whole PDU.
    pub json: Arc<str>,
}

/// What is read from the JSON. `content` stays text.
#[derive(Deserialize)]
struct Fields<'a> {
    room_id: Option<&'a str>,
    sender: OwnedUserId,
    #[serde(rename = "type")]
    kind: TimelineEventType,
    state_key: Option<Box<str>>,
    origin_server_ts: MilliSecondsSinceUnixEpoch,
    #[serde(default)]
    depth: i64,
    #[serde(default)]
    prev_events: Vec<Reference>,
    #[serde(default)]
    auth_events: Vec<Reference>,
    redacts: Option<OwnedEventId>,
    #[serde(borrow)]
    content: &'a RawValue,
}

/// A reference to an event: an ID, or in room versions 1 and 2 an ID with its hash.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reference {
    Id(OwnedEventId),
    WithHash(OwnedEventId, serde::de::IgnoredAny),
}

impl From<Reference> for OwnedEventId {
    fn from(reference: Reference) -> Self {
        match reference {
            Reference::Id(id) | Reference::WithHash(id, _) => id,
        }
    }
}

/// Where room versions from 11 on say what is redacted.
#[derive(Deserialize)]
struct RedactionContent {
    redacts: Option<OwnedEventId>,
}

impl Pdu {
    /// Parses `json`. The ID and the room are given by the caller, because from room version 3
    /// (and for creation events 12) on the PDU does not have them.
    pub fn parse(json: Arc<str>, event_id: OwnedEventId, room_id: OwnedRoomId) -> Result<Self> {
        let fields: Fields<'_> = serde_json::from_str(&json)
            .map_err(|fault| Error::bad_json(format!("The event is malformed: {fault}.")))?;
        let content = fields.content.to_owned();
        let redacts = match fields.redacts {
            Some(redacts) => Some(redacts),
            None if fields.kind == TimelineEventType::RoomRedaction => {
                serde_json::from_str::<RedactionContent>(content.get()).ok().and_then(|content| content.redacts)
            }
            None => None,
        };
        Ok(Self {
            event_id,
            room_id,
            states_room: fields.room_id.is_some(),
            sender: fields.sender,
            kind: fields.kind,
            state_key: fields.state_key,
            origin_server_ts: fields.origin_server_ts,
            depth: fields.depth,
            prev_events: fields.prev_events.into_iter().map(Into::into).collect(),
            auth_events: fields.auth_events.into_iter().map(Into::into).collect(),
            redacts,
            content,
            json,
        })
    }

    /// The whole PDU as an object, to be hashed, signed or redacted.
    pub fn object(&self) -> Result<CanonicalJsonObject> {
        serde_json::from_str(&self.json).map_err(|fault| Error::bad_json(format!("The event is malformed: {fault}.")))
    }
}

/// The ID of an event: from its reference hash, or in room versions 1 and 2 as it says itself.
pub(super) fn event_id(object: &CanonicalJsonObject, rules: &RoomVersionRules) -> Result<OwnedEventId> {
    let malformed = |what: String| Error::bad_json(format!("The event has no usable ID: {what}."));
    if rules.event_id_format == EventIdFormatVersion::V1 {
        let Some(CanonicalJsonValue::String(id)) = object.get("event_id") else {
            return Err(malformed("event_id is missing".to_owned()));
        };
        return OwnedEventId::try_from(id.as_str()).map_err(|fault| malformed(fault.to_string()));
    }
    let hash = ruma::signatures::reference_hash(object, rules).map_err(|fault| malformed(fault.to_string()))?;
    OwnedEventId::try_from(format!("${hash}")).map_err(|fault| malformed(fault.to_string()))
}
