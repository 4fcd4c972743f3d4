//! Accepts events into rooms. Nothing else writes events or room state.

use std::sync::Arc;

use ruma::{OwnedEventId, OwnedUserId, events::TimelineEventType};

use super::{
    Rooms,
    heads::{self, Extremity, Head, Room},
    residents::Residence,
    snapshots::{Snapshot, Snapshots},
    view::{KEY_TYPES, MemberChange, View, membership_in},
};
use crate::{
    Result,
    event::{Circumstances, Event, Pdu, Transaction, flags},
    storage::{
        log::rows::{
            CurrentStateRow, EventRow, HeadRow, MemberRow, RedactedRow, RelationRow, RoomRow, Rows, SnapshotRow,
            StrippedStateRow, TransactionRow,
        },
        nids::Kind,
        numbers::{EventNid, Position, SnapshotNid, StateKeyNid},
        rooms::Membership,
    },
    tail::{Fact, Job},
};

/// An event that was checked, and where it stands in the graph.
#[derive(Debug)]
pub(super) struct Addition {
    /// The event.
    pub(super) event: Arc<Event>,
    /// The events it names as its authority, as far as they are known.
    pub(super) auth: Vec<EventNid>,
    /// The room's state once it is in.
    pub(super) current: Snapshot,
    /// The states that come with it and are not stored yet.
    pub(super) snapshots: Vec<SnapshotRow>,
    /// What differs between the room's state before and after.
    pub(super) changes: Vec<Change>,
    /// The ends of the graph once it is in.
    pub(super) extremities: Vec<Extremity>,
    /// The room itself, with its first event.
    pub(super) room: Option<RoomRow>,
}

/// A change of the current state.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) key: StateKeyNid,
    /// The event that stands there now; none if a resolution took away what stood there.
    pub(super) event: Option<Arc<Event>>,
    /// What the key stands for.
    pub(super) kind: String,
    pub(super) state_key: String,
}

impl Rooms {
    /// Gives a local event its numbers and makes it the room's next one: state before it is the
    /// current state, and it becomes the only end of the graph.
    pub(super) async fn follow(
        &self,
        head: &Head,
        pdu: Pdu,
        auth: &[Arc<Event>],
        transaction: Option<Transaction>,
    ) -> Result<Addition> {
        let before = &head.view.snapshot;
        let event = self.number(pdu, head, before, 0, transaction).await?;
        let (current, snapshots, changes) = match event.state_key_nid {
            None => (before.clone(), Vec::new(), Vec::new()),
            Some(key) => {
                let nid = self.next_snapshot().await?;
                let (after, row) = Snapshots::derive(before, nid, &[(key, Some(event.nid))]);
                (after, vec![row], vec![Change::to(key, event.clone())])
            }
        };
        let extremities = vec![Extremity { nid: event.nid, depth: event.pdu.depth, id: event.id().to_owned() }];
        let auth = auth.iter().map(|event| event.nid).collect();
        Ok(Addition { event, auth, current, snapshots, changes, extremities, room: None })
    }

    /// Gives an event its numbers.
    pub(super) async fn number(
        &self,
        pdu: Pdu,
        head: &Head,
        before: &Snapshot,
        flags: i32,
        transaction: Option<Transaction>,
    ) -> Result<Arc<Event>> {
        let sender_nid = self.storage.intern_user(&pdu.sender).await?;
        let state_key_nid = match &pdu.state_key {
            Some(state_key) => Some(self.storage.intern_state_key(&pdu.kind.to_string(), state_key).await?),
            None => None,
        };
        let replaced = state_key_nid.and_then(|key| before.map.get(&key).copied());
        let unsigned = match replaced {
            Some(replaced) => replaced_members(&*self.events.load(replaced).await?),
            None => String::new(),
        };
        let of = Circumstances {
            nid: EventNid(self.take(Kind::Event).await?),
            room_nid: head.view.nid,
            sender_nid,
            state_key_nid,
            flags,
            snapshot: Some(before.nid),
            transaction,
            unsigned: unsigned.into(),
            position: None,
        };
        Ok(Arc::new(Event::new(pdu, of)))
    }

    /// A number for a state that is about to be stored.
    pub(super) async fn next_snapshot(&self) -> Result<SnapshotNid> {
        Ok(SnapshotNid(self.take(Kind::Snapshot).await?))
    }

    pub(super) async fn take(&self, kind: Kind) -> Result<i64> {
        if let Some(nid) = self.storage.nids().try_take(kind, 1) {
            return Ok(nid);
        }
        self.storage.nids().take(&mut *self.storage.conn().await?, kind, 1).await
    }

    /// Advances the held room by one event, provisionally, and returns what the log has to write: to
    /// be handed to it before the room is released. The next event of the room can follow before this
    /// one is on disk.
    pub(super) async fn append(&self, room: &Arc<Room>, head: &mut Head, addition: Addition) -> Result<Job> {
        let Addition { event, auth, current, snapshots, changes, extremities, room: new_room } = addition;
        let mut rows = Rows { rooms: new_room.into_iter().collect(), snapshots, ..Rows::default() };
        let before = head.view.clone();
        let members = self.member_rows(&before, &event, &changes, &mut rows).await?;
        for change in &changes {
            match &change.event {
                Some(stands) => rows.current_state.push(CurrentStateRow {
                    room: room.nid,
                    state_key: change.key,
                    event: stands.nid,
                }),
                None => rows.removed_state.push((room.nid, change.key)),
            }
        }
        let view = after(&before, current, &changes, &members);
        if !changes.is_empty() && view.is_open() != before.is_open() {
            rows.open_rooms.push((room.nid, view.is_open()));
        }
        rows.events.push(event_row(&event, auth, true));
        let relation = relation_row(&event);
        // Whose children change: the parent of this event, and of the one that it redacts.
        let mut parents: Vec<OwnedEventId> = relation.iter().map(|row| row.target.clone()).collect();
        rows.relations.extend(relation);
        rows.transactions.extend(self.transaction_row(&event));
        let redaction = self.redact(&before, &event, &mut rows).await?;
        parents.extend(redaction.as_ref().and_then(|redaction| Some(redaction.target.relation()?.event_id)));
        rows.heads.push(HeadRow {
            room: room.nid,
            expected: head.version_no,
            version_no: head.version_no + 1,
            snapshot: view.snapshot.nid,
            extremities: heads::pack(&extremities),
        });

        let expected = self.events.expect(event.clone());
        self.snapshots.remember(&view.snapshot);
        head.version_no += 1;
        head.extremities = extremities;
        head.view = view.clone();
        let broken = head.broken.clone();

        let (room, residents, events) = (room.clone(), self.residents.clone(), self.events.clone());
        let relations = self.relations.clone();
        let publish = Box::new(move |tail: &mut crate::tail::Inner, position: Position| {
            expected.keep();
            event.commit(position);
            if let Some(Redaction { target, redacted }) = redaction {
                // The target was written before, but perhaps not when its redacted form was made.
                if let Some(position) = target.position() {
                    redacted.commit(position);
                }
                events.replace(redacted.clone());
                tail.replace(&redacted);
            }
            relations.forget(&parents);
            for (change, nid) in &members {
                if let Some(membership) = change.membership.filter(|_| change.is_local) {
                    let residence = Residence { membership, event: *nid, position, forgotten: false };
                    residents.note(change.user, room.nid, residence);
                }
                tail.wake(change.user);
            }
            tail.wake_all(view.local.iter().copied());
            room.commit(view);
            tail.push(position, Fact::Event(event));
        });
        Ok(Job { rows, broken: Some(broken), publish })
    }

    /// The membership changes among `changes`, written into `rows`.
    async fn member_rows(
        &self,
        view: &View,
        event: &Arc<Event>,
        changes: &[Change],
        rows: &mut Rows,
    ) -> Result<Vec<(MemberChange, EventNid)>> {
        let mut members = Vec::new();
        for change in changes.iter().filter(|change| change.kind == "m.room.member") {
            let Ok(user_id) = OwnedUserId::try_from(change.state_key.as_str()) else { continue };
            let user = self.storage.intern_user(&user_id).await?;
            let is_local = user_id.server_name() == self.signing.server_name();
            let membership = change.event.as_ref().map(membership_in);
            let stands = change.event.as_ref().unwrap_or(event).nid;
            rows.members.push(MemberRow {
                room: view.nid,
                user,
                membership: membership.unwrap_or(Membership::Leave) as i8,
                event: stands,
                position: Position::ZERO,
                is_local,
            });
            if is_local && matches!(membership, Some(Membership::Invite | Membership::Knock)) {
                let content = self.stripped_state(view, event).await?.into_bytes();
                rows.stripped_state.push(StrippedStateRow { user, room: view.nid, content });
            }
            members.push((MemberChange { user, is_local, membership }, stands));
        }
        Ok(members)
    }

    /// What a person who is invited or knocks may know: a JSON array of stripped state events.
    /// Client-server API, "Stripped state".
    pub(super) async fn stripped_state(&self, view: &View, event: &Event) -> Result<String> {
        const KINDS: [&str; 7] = [
            "m.room.create",
            "m.room.join_rules",
            "m.room.name",
            "m.room.avatar",
            "m.room.topic",
            "m.room.canonical_alias",
            "m.room.encryption",
        ];
        let mut nids = Vec::new();
        for kind in KINDS {
            let key = self.storage.find_state_key_nid(kind, "").await?;
            nids.extend(key.and_then(|key| view.snapshot.map.get(&key).copied()));
        }
        let sender = self.storage.find_state_key_nid("m.room.member", event.sender().as_str()).await?;
        nids.extend(sender.and_then(|key| view.snapshot.map.get(&key).copied()));
        let mut json = String::from("[");
        for (index, event) in self.events.load_many(&nids).await?.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            event.client_form().write_stripped(&mut json, event);
        }
        json.push(']');
        Ok(json)
    }

    fn transaction_row(&self, event: &Event) -> Option<TransactionRow> {
        let transaction = event.transaction.as_ref()?;
        Some(TransactionRow {
            user: event.sender_nid,
            device_id: transaction.device_id.clone(),
            room: event.room_nid,
            txn_id: transaction.txn_id.clone(),
            event_id: event.id().to_owned(),
            created_at: self.clock.now_ms(),
        })
    }
}

impl Change {
    /// `event` stands at `key` now.
    pub(super) fn to(key: StateKeyNid, event: Arc<Event>) -> Self {
        let kind = event.kind().to_string();
        let state_key = event.state_key().unwrap_or_default().to_owned();
        Self { key, event: Some(event), kind, state_key }
    }
}

/// The room after the changes.
fn after(before: &Arc<View>, current: Snapshot, changes: &[Change], members: &[(MemberChange, EventNid)]) -> Arc<View> {
    if changes.is_empty() {
        return before.clone();
    }
    let mut view = View::clone(before);
    view.snapshot = current;
    for (member, _) in members {
        view.set_member(*member);
    }
    for change in changes.iter().filter(|change| change.state_key.is_empty()) {
        if KEY_TYPES.contains(&change.kind.as_str()) {
            view.set_key_event(&change.kind, change.event.as_ref());
        }
    }
    Arc::new(view)
}

/// The row that stores an event.
pub(super) fn event_row(event: &Event, auth: Vec<EventNid>, is_news: bool) -> EventRow {
    EventRow {
        nid: event.nid,
        id: event.id().to_owned(),
        room: event.room_nid,
        sender: event.sender_nid,
        kind: event.kind().to_string(),
        state_key: event.state_key_nid,
        depth: event.pdu.depth,
        origin_server_ts: event.pdu.origin_server_ts.0.into(),
        is_news,
        position: None,
        snapshot: event.snapshot,
        flags: event.flags,
        device_id: event.transaction.as_ref().map(|transaction| transaction.device_id.clone()),
        txn_id: event.transaction.as_ref().map(|transaction| transaction.txn_id.clone()),
        unsigned: Some(event.unsigned.clone()).filter(|unsigned| !unsigned.is_empty()),
        json: event.pdu.json.clone(),
        auth,
    }
}

/// The row of the relation that an event states, if it states one.
fn relation_row(event: &Event) -> Option<RelationRow> {
    let relation = event.relation()?;
    Some(RelationRow {
        room: event.room_nid,
        target: relation.event_id,
        rel_type: relation.rel_type,
        position: Position::ZERO,
        event: event.nid,
        sender: event.sender_nid,
        kind: event.kind().to_string(),
        key: relation.key,
    })
}

/// What clients are told of the state event that another replaced: members of `unsigned`.
fn replaced_members(replaced: &Event) -> String {
    let id = serde_json::Value::from(replaced.id().as_str());
    let sender = serde_json::Value::from(replaced.sender().as_str());
    format!("\"prev_content\":{},\"prev_sender\":{sender},\"replaces_state\":{id}", replaced.content().get())
}

/// A redaction that takes effect.
#[derive(Debug)]
struct Redaction {
    /// What is redacted, as it was.
    target: Arc<Event>,
    /// What remains of it.
    redacted: Arc<Event>,
}

impl Rooms {
    /// If `event` is a redaction that takes effect: writes the redacted form of its target into
    /// `rows`. The target's relation ends with it.
    async fn redact(&self, view: &View, event: &Event, rows: &mut Rows) -> Result<Option<Redaction>> {
        let Some(target_id) = event.pdu.redacts.as_ref().filter(|_| *event.kind() == TimelineEventType::RoomRedaction)
        else {
            return Ok(None);
        };
        rows.redactions.push((target_id.clone(), event.nid));
        let Some(target) = self.events.find(target_id).await? else { return Ok(None) };
        if target.room_nid != event.room_nid || target.is_redacted() {
            return Ok(None);
        }
        if !view.redaction_takes_effect(event.sender(), target.sender()) {
            return Ok(None);
        }
        let redacted = super::redaction::redacted(&target, event, &view.rules)?;
        rows.redacted.push(RedactedRow {
            event: target.nid,
            json: redacted.pdu.json.clone(),
            unsigned: redacted.unsigned.clone(),
            flags: flags::REDACTED,
            has_relation: target.relation().is_some(),
        });
        Ok(Some(Redaction { target, redacted: Arc::new(redacted) }))
    }
}
