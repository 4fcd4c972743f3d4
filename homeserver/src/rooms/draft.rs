//! From a wish to an event: parents, authorising events, depth, hashes, signature, ID. Decides
//! nothing.

use std::{collections::BTreeMap, sync::Arc};

use ruma::{
    OwnedEventId, OwnedRoomId, UserId,
    canonical_json::{CanonicalJsonObject, CanonicalJsonValue},
    events::{StateEventType, TimelineEventType},
    room_version_rules::{EventIdFormatVersion, EventsReferenceFormatVersion, RoomIdFormatVersion, RoomVersionRules},
    signatures, state_res,
};
use serde_json::value::RawValue;

use super::{
    events::Events,
    heads::{Extremity, Head},
    view::View,
};
use crate::{
    Error, Result,
    clock::Clock,
    event::{self, Event, Pdu},
    secrets,
    signing::SigningKey,
    storage::{Storage, numbers::EventNid},
};

/// Largest number of parents an event is given. Server-server API, "PDUs".
const MAX_PARENTS: usize = 20;
/// Largest `type` and `state_key`, in bytes. Client-server API, "Size limits".
const MAX_KEY: usize = 255;

/// What somebody wants to say in a room.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The event type.
    pub kind: TimelineEventType,
    /// The state key, for state events.
    pub state_key: Option<String>,
    /// The content, a JSON object.
    pub content: Box<RawValue>,
    /// What is to be redacted, for redactions.
    pub redacts: Option<OwnedEventId>,
    /// When it is said to have happened; now, if none. In ms since the epoch.
    pub origin_server_ts: Option<i64>,
}

impl Wish {
    /// A message event.
    pub fn message(kind: impl Into<TimelineEventType>, content: Box<RawValue>) -> Self {
        Self { kind: kind.into(), state_key: None, content, redacts: None, origin_server_ts: None }
    }

    /// A state event.
    pub fn state(kind: impl Into<TimelineEventType>, state_key: impl Into<String>, content: Box<RawValue>) -> Self {
        Self { kind: kind.into(), state_key: Some(state_key.into()), content, redacts: None, origin_server_ts: None }
    }

    /// A state event with content that is serialised here.
    pub fn state_of(kind: &str, state_key: &str, content: &impl serde::Serialize) -> Result<Self> {
        let content = serde_json::value::to_raw_value(content)
            .map_err(|fault| Error::bad_json(format!("The content of {kind} is not JSON: {fault}.")))?;
        Ok(Self::state(kind, state_key, content))
    }

    /// The same, said to have happened at another time.
    #[must_use]
    pub fn at(mut self, origin_server_ts: Option<i64>) -> Self {
        self.origin_server_ts = origin_server_ts;
        self
    }
}

/// An event that is written but not checked, and what will authorise it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The event.
    pub pdu: Pdu,
    /// The events it is authorised by, in the order of `pdu.auth_events`.
    pub auth: Vec<Arc<Event>>,
}

/// What drafting needs.
#[derive(Clone, Debug)]
pub struct Drafter {
    storage: Storage,
    events: Events,
    signing: SigningKey,
    clock: Clock,
}

impl Drafter {
    /// Drafts on behalf of the server whose key is given.
    pub fn new(storage: Storage, events: Events, signing: SigningKey, clock: Clock) -> Self {
        Self { storage, events, signing, clock }
    }

    /// Writes the event that `sender` wishes as the next one of the room.
    pub async fn draft(&self, head: &Head, sender: &UserId, wish: Wish) -> Result<Draft> {
        let auth = self.auth_events(&head.view, sender, &wish).await?;
        let parents = parents(&head.extremities);
        let depth = parents.iter().map(|parent| parent.depth).max().unwrap_or(0).saturating_add(1);
        let rules = head.view.rules.clone();
        let prev = self.references(&rules, parents.iter().map(|parent| (parent.nid, parent.id.clone()))).await?;
        let authorised_by =
            self.references(&rules, auth.iter().map(|event| (event.nid, event.id().to_owned()))).await?;
        let mut object = self.object(sender, &wish, &rules)?;
        object.insert("room_id".to_owned(), head.view.id.as_str().into());
        object.insert("depth".to_owned(), integer(depth)?);
        object.insert("prev_events".to_owned(), prev);
        object.insert("auth_events".to_owned(), authorised_by);
        let pdu = self.finish(object, &rules, Some(head.view.id.clone()))?;
        Ok(Draft { pdu, auth })
    }

    /// Writes the first event of a room. Its ID is the room's ID from room version 12 on; before,
    /// `room_id` is given.
    pub fn draft_creation(
        &self,
        sender: &UserId,
        content: Box<RawValue>,
        rules: &RoomVersionRules,
        room_id: Option<OwnedRoomId>,
    ) -> Result<Pdu> {
        let wish = Wish::state("m.room.create", "", content);
        let mut object = self.object(sender, &wish, rules)?;
        if let Some(room_id) = &room_id {
            object.insert("room_id".to_owned(), room_id.as_str().into());
        }
        object.insert("depth".to_owned(), integer(1)?);
        object.insert("prev_events".to_owned(), CanonicalJsonValue::Array(Vec::new()));
        object.insert("auth_events".to_owned(), CanonicalJsonValue::Array(Vec::new()));
        debug_assert_eq!(room_id.is_none(), rules.room_id_format == RoomIdFormatVersion::V2);
        self.finish(object, rules, room_id)
    }

    /// The events of the current state that the specification selects to authorise an event.
    async fn auth_events(&self, view: &View, sender: &UserId, wish: &Wish) -> Result<Vec<Arc<Event>>> {
        let selected = state_res::auth_types_for_event(
            &wish.kind,
            sender,
            wish.state_key.as_deref(),
            &wish.content,
            &view.rules.authorization,
        )
        .map_err(|fault| Error::bad_json(format!("The event is malformed: {fault}.")))?;
        let mut nids = Vec::with_capacity(selected.len());
        for (kind, state_key) in selected {
            nids.extend(self.state_event(view, &kind, &state_key).await?);
        }
        self.events.load_many(&nids).await
    }

    async fn state_event(&self, view: &View, kind: &StateEventType, state_key: &str) -> Result<Option<EventNid>> {
        let key = self.storage.find_state_key_nid(&kind.to_string(), state_key).await?;
        Ok(key.and_then(|key| view.snapshot.map.get(&key).copied()))
    }

    /// References to events, as the room version writes them.
    async fn references(
        &self,
        rules: &RoomVersionRules,
        events: impl Iterator<Item = (EventNid, OwnedEventId)>,
    ) -> Result<CanonicalJsonValue> {
        if rules.events_reference_format != EventsReferenceFormatVersion::V1 {
            let ids = events.map(|(_, id)| CanonicalJsonValue::String(id.to_string()));
            return Ok(CanonicalJsonValue::Array(ids.collect()));
        }
        let mut references = Vec::new();
        for (nid, id) in events {
            let object = self.events.load(nid).await?.pdu.object()?;
            let hash = signatures::reference_hash(&object, rules)
                .map_err(|fault| Error::internal(format!("hashing {id}: {fault}")))?;
            let hash = CanonicalJsonObject::from([("sha256".to_owned(), CanonicalJsonValue::String(hash))]);
            references.push(CanonicalJsonValue::Array(vec![id.as_str().into(), CanonicalJsonValue::Object(hash)]));
        }
        Ok(CanonicalJsonValue::Array(references))
    }

    /// The members that follow from the wish alone.
    fn object(&self, sender: &UserId, wish: &Wish, rules: &RoomVersionRules) -> Result<CanonicalJsonObject> {
        let kind = wish.kind.to_string();
        if kind.len() > MAX_KEY || wish.state_key.as_ref().is_some_and(|key| key.len() > MAX_KEY) {
            return Err(Error::too_large("Event types and state keys have at most 255 bytes."));
        }
        let mut content: CanonicalJsonObject = serde_json::from_str(wish.content.get())
            .map_err(|fault| Error::bad_json(format!("The content is not an object of canonical JSON: {fault}.")))?;
        let timestamp = wish.origin_server_ts.unwrap_or_else(|| self.clock.now_ms());
        let mut object = BTreeMap::from([
            ("type".to_owned(), CanonicalJsonValue::String(kind)),
            ("sender".to_owned(), sender.as_str().into()),
            ("origin_server_ts".to_owned(), integer(timestamp)?),
        ]);
        if let Some(state_key) = &wish.state_key {
            object.insert("state_key".to_owned(), state_key.as_str().into());
        }
        if let Some(redacts) = &wish.redacts {
            // Room version 11 moved it into the content.
            let to = if rules.redaction.content_field_redacts { &mut content } else { &mut object };
            to.insert("redacts".to_owned(), redacts.as_str().into());
        }
        object.insert("content".to_owned(), CanonicalJsonValue::Object(content));
        if rules.event_id_format == EventIdFormatVersion::V1 {
            let id = format!("${}:{}", secrets::identifier(32), self.signing.server_name());
            object.insert("event_id".to_owned(), CanonicalJsonValue::String(id));
        }
        Ok(object)
    }

    /// Hashes, signs and measures the event.
    fn finish(
        &self,
        mut object: CanonicalJsonObject,
        rules: &RoomVersionRules,
        room_id: Option<OwnedRoomId>,
    ) -> Result<Pdu> {
        self.signing.sign_event(&mut object, &rules.redaction)?;
        let id = event::event_id(&object, rules)?;
        let room_id = match room_id {
            Some(room_id) => room_id,
            None => room_of_creation(&id)?,
        };
        let json = serde_json::to_string(&object)
            .map_err(|fault| Error::internal(format!("an event could not be serialised: {fault}")))?;
        if json.len() > MAX_PDU {
            return Err(Error::too_large("The event is larger than 65,536 bytes."));
        }
        Pdu::parse(json.into(), id, room_id)
    }
}

/// Largest PDU, in bytes of canonical JSON with signatures. Client-server API, "Size limits".
pub const MAX_PDU: usize = 65_536;

/// Room version 12: the room's ID is the creation event's, with another sigil.
pub fn room_of_creation(id: &ruma::EventId) -> Result<OwnedRoomId> {
    OwnedRoomId::try_from(id.as_str().replacen('$', "!", 1))
        .map_err(|fault| Error::internal(format!("{id} does not name a room: {fault}")))
}

/// The newest ends of the graph, as many as an event may have parents.
fn parents(extremities: &[Extremity]) -> Vec<&Extremity> {
    let mut parents: Vec<_> = extremities.iter().collect();
    parents.sort_by_key(|parent| std::cmp::Reverse(parent.depth));
    parents.truncate(MAX_PARENTS);
    parents
}

fn integer(value: i64) -> Result<CanonicalJsonValue> {
    let value = ruma::Int::try_from(value)
        .map_err(|_| Error::invalid_param("A number is larger than canonical JSON allows."))?;
    Ok(CanonicalJsonValue::Integer(value))
}
