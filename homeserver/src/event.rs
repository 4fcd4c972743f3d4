//! What an event is: a PDU with its numbers, and the form in which clients see it. No database, no
//! HTTP, no rules.

mod client_form;
mod pdu;
pub mod relation;

use std::sync::{Arc, OnceLock};

use ruma::{
    EventId, MilliSecondsSinceUnixEpoch, OwnedDeviceId, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId,
    canonical_json::CanonicalJsonObject, events::TimelineEventType, room_version_rules::RoomVersionRules,
};
use serde_json::value::RawValue;

pub use self::client_form::{ClientForm, Unsigned};
pub use self::pdu::Pdu;
use self::relation::Relation;
use crate::{
    Result,
    storage::numbers::{EventNid, Position, RoomNid, SnapshotNid, StateKeyNid, UserNid},
};

/// Bits of the column `events.flags`.
pub mod flags {
    /// It violates the rules at its place in the graph.
    pub const REJECTED: i32 = 1;
    /// It passed at its place but not against the current state: hidden from clients.
    pub const SOFT_FAILED: i32 = 2;
    /// Only its authorisation is known, not the state before it.
    pub const OUTLIER: i32 = 4;
    /// Its content has been redacted.
    pub const REDACTED: i32 = 8;
}

/// An event of a room that this server knows.
#[derive(Debug)]
pub struct Event {
    /// The PDU.
    pub pdu: Pdu,
    /// Its number.
    pub nid: EventNid,
    /// The number of its room.
    pub room_nid: RoomNid,
    /// The number of its sender.
    pub sender_nid: UserNid,
    /// The number of its type and state key, if it is a state event.
    pub state_key_nid: Option<StateKeyNid>,
    /// See [`flags`].
    pub flags: i32,
    /// The state before it; none for outliers.
    pub snapshot: Option<SnapshotNid>,
    /// The device and transaction ID it was sent with, to be shown to that device only.
    pub transaction: Option<Transaction>,
    /// Members of `unsigned` that are the same for all readers, without braces; may be empty.
    pub unsigned: Arc<str>,
    position: OnceLock<Position>,
    client_form: OnceLock<ClientForm>,
}

/// Which device sent an event, and under which transaction ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The device.
    pub device_id: OwnedDeviceId,
    /// What the device called the request.
    pub txn_id: String,
}

/// The numbers and circumstances of an event that is about to be stored, or was loaded.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of `Event`")]
pub struct Circumstances {
    pub nid: EventNid,
    pub room_nid: RoomNid,
    pub sender_nid: UserNid,
    pub state_key_nid: Option<StateKeyNid>,
    pub flags: i32,
    pub snapshot: Option<SnapshotNid>,
    pub transaction: Option<Transaction>,
    pub unsigned: Arc<str>,
    pub position: Option<Position>,
}

impl Event {
    /// Joins a PDU with what this server knows of it.
    pub fn new(pdu: Pdu, of: Circumstances) -> Self {
        let position = OnceLock::new();
        if let Some(known) = of.position {
            // The cell was made in the line above.
            let _ = position.set(known);
        }
        Self {
            pdu,
            nid: of.nid,
            room_nid: of.room_nid,
            sender_nid: of.sender_nid,
            state_key_nid: of.state_key_nid,
            flags: of.flags,
            snapshot: of.snapshot,
            transaction: of.transaction,
            unsigned: of.unsigned,
            position,
            client_form: OnceLock::new(),
        }
    }

    /// The same event with more flags, before it is stored.
    #[must_use]
    pub fn with_flags(&self, flags: i32) -> Self {
        let of = Circumstances {
            nid: self.nid,
            room_nid: self.room_nid,
            sender_nid: self.sender_nid,
            state_key_nid: self.state_key_nid,
            flags: self.flags | flags,
            snapshot: self.snapshot,
            transaction: self.transaction.clone(),
            unsigned: self.unsigned.clone(),
            position: self.position(),
        };
        Self::new(self.pdu.clone(), of)
    }

    /// Its place on the number line; none while it is being written, and for events outside the
    /// timeline.
    pub fn position(&self) -> Option<Position> {
        self.position.get().copied()
    }

    /// Sets the place that the commit gave it.
    pub fn commit(&self, position: Position) {
        // Set once, by whoever published it.
        let _ = self.position.set(position);
    }

    /// The event ID.
    pub fn id(&self) -> &EventId {
        &self.pdu.event_id
    }

    /// Who sent it.
    pub fn sender(&self) -> &UserId {
        &self.pdu.sender
    }

    /// The room.
    pub fn room_id(&self) -> &RoomId {
        &self.pdu.room_id
    }

    /// The event type.
    pub fn kind(&self) -> &TimelineEventType {
        &self.pdu.kind
    }

    /// The state key, if it is a state event.
    pub fn state_key(&self) -> Option<&str> {
        self.pdu.state_key.as_deref()
    }

    /// The content, as JSON.
    pub fn content(&self) -> &RawValue {
        &self.pdu.content
    }

    /// The content as `T`, for those that were checked when the event was accepted.
    pub fn content_as<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.pdu.content.get()).ok()
    }

    /// Its relation to another event, if it states one.
    pub fn relation(&self) -> Option<Relation> {
        Relation::of(self.content())
    }

    /// Whether it violates the rules at its place in the graph.
    pub fn is_rejected(&self) -> bool {
        self.flags & flags::REJECTED != 0
    }

    /// Whether its content has been redacted.
    pub fn is_redacted(&self) -> bool {
        self.flags & flags::REDACTED != 0
    }

    /// The form in which clients see it, made once.
    pub fn client_form(&self) -> &ClientForm {
        self.client_form.get_or_init(|| ClientForm::new(self))
    }

    /// Roughly the bytes it occupies in memory.
    pub fn weight(&self) -> usize {
        600 + 2 * self.pdu.json.len()
    }
}

/// Parses the PDU in `json`, whose ID and room are known.
pub fn parse_stored(json: Arc<str>, event_id: OwnedEventId, room_id: OwnedRoomId) -> Result<Pdu> {
    Pdu::parse(json, event_id, room_id)
}

impl ruma::state_res::Event for Event {
    type Id = OwnedEventId;

    fn event_id(&self) -> &OwnedEventId {
        &self.pdu.event_id
    }

    fn room_id(&self) -> Option<&RoomId> {
        // From room version 12 on, a creation event has no room ID of its own.
        self.pdu.states_room.then_some(&*self.pdu.room_id)
    }

    fn sender(&self) -> &UserId {
        &self.pdu.sender
    }

    fn origin_server_ts(&self) -> MilliSecondsSinceUnixEpoch {
        self.pdu.origin_server_ts
    }

    fn event_type(&self) -> &TimelineEventType {
        &self.pdu.kind
    }

    fn content(&self) -> &RawValue {
        &self.pdu.content
    }

    fn state_key(&self) -> Option<&str> {
        self.pdu.state_key.as_deref()
    }

    fn prev_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.pdu.prev_events.iter())
    }

    fn auth_events(&self) -> Box<dyn DoubleEndedIterator<Item = &OwnedEventId> + '_> {
        Box::new(self.pdu.auth_events.iter())
    }

    fn redacts(&self) -> Option<&OwnedEventId> {
        self.pdu.redacts.as_ref()
    }

    fn rejected(&self) -> bool {
        self.is_rejected()
    }
}

/// The ID of an event: from its hash, or in room versions 1 and 2 as it says itself.
pub fn event_id(object: &CanonicalJsonObject, rules: &RoomVersionRules) -> Result<OwnedEventId> {
    pdu::event_id(object, rules)
}

/// The user behind a membership event's state key.
pub fn member_of(event: &Event) -> Option<OwnedUserId> {
    if *event.kind() != TimelineEventType::RoomMember {
        return None;
    }
    event.state_key().and_then(|key| OwnedUserId::try_from(key).ok())
}
