//! What remains of an event that was redacted.

use std::sync::Arc;

use ruma::{canonical_json, room_version_rules::RoomVersionRules};

use crate::{
    Error, Result,
    event::{Circumstances, Event, Pdu, Unsigned, flags},
};

/// `target` without what the room version says is to go, and with the redaction in `unsigned`.
pub(super) fn redacted(target: &Event, redaction: &Event, rules: &RoomVersionRules) -> Result<Event> {
    let mut unsigned = String::from("\"redacted_because\":");
    redaction.client_form().write(&mut unsigned, redaction, Unsigned::default(), true);
    stripped(target, unsigned, rules)
}

/// `target` as somebody sees it who ignores its sender, but cannot do without the event.
pub(super) fn without_content(target: &Event, rules: &RoomVersionRules) -> Result<Event> {
    stripped(target, String::new(), rules)
}

fn stripped(target: &Event, unsigned: String, rules: &RoomVersionRules) -> Result<Event> {
    let object = canonical_json::redact(target.pdu.object()?, &rules.redaction, None)
        .map_err(|fault| Error::internal(format!("redacting {}: {fault}", target.id())))?;
    let json: Arc<str> = serde_json::to_string(&object)
        .map_err(|fault| Error::internal(format!("serialising {}: {fault}", target.id())))?
        .into();
    let of = Circumstances {
        nid: target.nid,
        room_nid: target.room_nid,
        sender_nid: target.sender_nid,
        state_key_nid: target.state_key_nid,
        flags: target.flags | flags::REDACTED,
        snapshot: target.snapshot,
        transaction: target.transaction.clone(),
        unsigned: unsigned.into(),
        position: target.position(),
    };
    let pdu = Pdu::parse(json, target.id().to_owned(), target.room_id().to_owned())?;
    Ok(Event::new(pdu, of))
}
