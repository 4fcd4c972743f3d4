//! Receives events that other servers made. Server-server API, "Checks performed on receipt of a
//! PDU".

use std::sync::Arc;

use ruma::{
    OwnedEventId, RoomId,
    canonical_json::{self, CanonicalJsonObject},
    events::TimelineEventType,
    room_version_rules::RoomVersionRules,
    signatures::{PublicKeyMap, Verified, verify_event},
    state_res::check_pdu_format,
};

use super::{
    DRAFTS, Rooms,
    append::{Addition, Change, event_row},
    checks,
    heads::{Extremity, Head, HeldHead, Room},
    snapshots::{Snapshot, Snapshots, StateMap},
};
use crate::{
    Error, Result,
    event::{self, Event, Pdu, flags},
    storage::{
        log::rows::{Rows, SnapshotRow},
        numbers::{EventNid, RoomNid},
    },
    tail::Job,
};

/// What became of an event that another server sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is part of the room, and clients see it.
    Accepted,
    /// It passed at its own place in the graph but not now: part of the room, hidden from clients.
    SoftFailed(String),
    /// It violates the rules at its own place.
    Rejected(String),
    /// These events have to be fetched first. Nothing was stored.
    Missing(Vec<OwnedEventId>),
    /// It was here before.
    Known,
}

/// An event that passed the checks of its form and signatures.
#[derive(Debug)]
struct Candidate {
    pdu: Pdu,
    auth: Vec<Arc<Event>>,
    parents: Vec<Arc<Event>>,
}

/// A state, and the row that stores it if it is not stored yet.
type Stored = (Snapshot, Option<SnapshotRow>);

impl Rooms {
    /// Takes in an event of a room that this server is in. `keys` are the keys of the servers that
    /// have to have signed it.
    ///
    /// # Errors
    ///
    /// The event is to be dropped: it is malformed, or not signed by whom it should be.
    pub async fn receive(&self, room_id: &RoomId, object: CanonicalJsonObject, keys: &PublicKeyMap) -> Result<Verdict> {
        let Some(nid) = self.heads.find_nid(room_id).await? else {
            return Err(Error::not_found("This server is not in that room."));
        };
        let rules = self.load(nid).await?.rules.clone();
        let pdu = verified(object, room_id, &rules, keys)?;
        if self.events.find(&pdu.event_id).await?.is_some_and(|known| known.flags & flags::OUTLIER == 0) {
            return Ok(Verdict::Known);
        }
        for _ in 0..DRAFTS {
            match self.take_in(nid, pdu.clone()).await {
                Err(Error::Outrun) => {}
                outcome => return outcome,
            }
        }
        Err(Error::Outrun)
    }

    /// Takes in an event whose form and signatures were checked.
    async fn take_in(&self, nid: RoomNid, pdu: Pdu) -> Result<Verdict> {
        let room = self.heads.room(nid);
        let mut held = self.heads.hold(&room).await?;
        let candidate = match self.neighbours(&room, pdu).await? {
            Ok(candidate) => candidate,
            Err(missing) => return Ok(Verdict::Missing(missing)),
        };
        let (job, verdict) = self.judge(&room, &mut held, candidate).await?;
        let commit = self.log.enqueue(job).await?;
        drop(held);
        commit.wait().await?;
        Ok(verdict)
    }

    /// Finds the events that the event names, or those of them that are missing.
    async fn neighbours(&self, room: &Room, pdu: Pdu) -> Result<Result<Candidate, Vec<OwnedEventId>>> {
        let mut missing = Vec::new();
        let mut find = async |ids: &[OwnedEventId], is_parent: bool| -> Result<Vec<Arc<Event>>> {
            let mut found = Vec::with_capacity(ids.len());
            for (id, event) in ids.iter().zip(self.events.find_many(ids).await?) {
                let usable = event
                    .filter(|event| event.room_nid == room.nid && (!is_parent || event.flags & flags::OUTLIER == 0));
                match usable {
                    Some(event) => found.push(event),
                    None => missing.push(id.clone()),
                }
            }
            Ok(found)
        };
        let auth = find(&pdu.auth_events, false).await?;
        let parents = find(&pdu.prev_events, true).await?;
        missing.sort();
        missing.dedup();
        Ok(if missing.is_empty() { Ok(Candidate { pdu, auth, parents }) } else { Err(missing) })
    }

    /// Decides about an event whose neighbours are known; returns what is to be written.
    async fn judge(&self, room: &Arc<Room>, held: &mut HeldHead<'_>, candidate: Candidate) -> Result<(Job, Verdict)> {
        let Some(head) = held.as_mut() else { return Err(Error::not_found("This server is not in that room.")) };
        let Candidate { pdu, auth, parents } = candidate;
        let rules = head.view.rules.clone();
        let before = self.state_before(head, &rules, &parents).await?;
        let event = self.number(pdu, head, &before.0, 0, None).await?;

        if let Err(rule) = self.allowed_at_its_place(head, &event, &auth, &before.0).await? {
            let job = self.set_aside(head, &event, &auth, before, flags::REJECTED);
            return Ok((job, Verdict::Rejected(rule)));
        }
        let now = self.selected(&head.view.snapshot.map, &rules, &event).await?;
        if let Err(rule) = checks::against_state(&rules.authorization, &event, &now, head.view.create()) {
            let job = self.set_aside(head, &event, &auth, before, flags::SOFT_FAILED);
            return Ok((job, Verdict::SoftFailed(rule)));
        }
        let job = self.admit(room, head, event, &auth, before).await?;
        Ok((job, Verdict::Accepted))
    }

    /// Steps 4 and 5: against the events it names as its authority, and against the state before it.
    async fn allowed_at_its_place(
        &self,
        head: &Head,
        event: &Arc<Event>,
        auth: &[Arc<Event>],
        before: &Snapshot,
    ) -> Result<Result<(), String>> {
        let rules = &head.view.rules;
        if let Some(rejected) = auth.iter().find(|event| event.is_rejected()) {
            return Ok(Err(format!("it names {} as its authority, which was rejected", rejected.id())));
        }
        let create = head.view.create();
        if let Err(rule) = checks::against_auth_events(&rules.authorization, event, auth, create) {
            return Ok(Err(rule));
        }
        let state = self.selected(&before.map, rules, event).await?;
        Ok(checks::against_state(&rules.authorization, event, &state, create))
    }

    /// The events of a state that the specification selects to check `event`.
    async fn selected(&self, state: &StateMap, rules: &RoomVersionRules, event: &Event) -> Result<Vec<Arc<Event>>> {
        let keys = ruma::state_res::auth_types_for_event(
            event.kind(),
            event.sender(),
            event.state_key(),
            event.content(),
            &rules.authorization,
        );
        let mut nids = Vec::new();
        // What is malformed will be found not to be allowed.
        for (kind, state_key) in keys.unwrap_or_default() {
            let key = self.storage.find_state_key_nid(&kind.to_string(), &state_key).await?;
            nids.extend(key.and_then(|key| state.get(&key).copied()));
        }
        self.events.load_many(&nids).await
    }

    /// The state before an event: that after its parents, resolved.
    async fn state_before(&self, head: &Head, rules: &RoomVersionRules, parents: &[Arc<Event>]) -> Result<Stored> {
        let mut states = Vec::with_capacity(parents.len());
        for parent in parents {
            states.push(self.map_after(parent).await?);
        }
        let state = self.resolver.resolve(rules, head.view.nid, states).await?;
        let near = match parents.first().and_then(|parent| parent.snapshot) {
            Some(near) => self.snapshots.load(near).await?,
            None => head.view.snapshot.clone(),
        };
        self.stored(head, &near, state).await
    }

    /// The state after an event of the graph.
    async fn map_after(&self, event: &Event) -> Result<StateMap> {
        match event.state_key_nid {
            // Nothing is before the creation event.
            Some(key) if *event.kind() == TimelineEventType::RoomCreate => Ok(StateMap::unit(key, event.nid)),
            _ => {
                let after = self.state_after(event).await?;
                Ok(after.ok_or_else(|| Error::internal(format!("{} has no state before it", event.id())))?.map)
            }
        }
    }

    /// Gives a state a number, unless it is the present one or `near`.
    async fn stored(&self, head: &Head, near: &Snapshot, state: StateMap) -> Result<Stored> {
        for known in [&head.view.snapshot, near] {
            if known.map == state {
                return Ok((known.clone(), None));
            }
        }
        let (snapshot, row) = Snapshots::store(near, self.next_snapshot().await?, state);
        Ok((snapshot, Some(row)))
    }

    /// Stores an event that clients do not see.
    fn set_aside(&self, head: &Head, event: &Arc<Event>, auth: &[Arc<Event>], before: Stored, flags: i32) -> Job {
        let event = Arc::new(event.with_flags(flags));
        let auth = auth.iter().map(|event| event.nid).collect();
        let rows = Rows {
            events: vec![event_row(&event, auth, false)],
            snapshots: before.1.into_iter().collect(),
            ..Rows::default()
        };
        let events = self.events.clone();
        Job { rows, broken: Some(head.broken.clone()), publish: Box::new(move |_, _| events.remember(event)) }
    }

    /// Makes an event part of the room: resolves the states at the ends of the graph.
    async fn admit(
        &self,
        room: &Arc<Room>,
        head: &mut Head,
        event: Arc<Event>,
        auth: &[Arc<Event>],
        before: Stored,
    ) -> Result<Job> {
        let rules = head.view.rules.clone();
        let mut after = before.0.map.clone();
        if let Some(key) = event.state_key_nid {
            after.insert(key, event.nid);
        }
        let is_parent = |id: &OwnedEventId| event.pdu.prev_events.contains(id);
        let mut extremities: Vec<Extremity> =
            head.extremities.iter().filter(|extremity| !is_parent(&extremity.id)).cloned().collect();
        let mut states = vec![after];
        for extremity in &extremities {
            states.push(self.map_after(&*self.events.load(extremity.nid).await?).await?);
        }
        extremities.push(Extremity { nid: event.nid, depth: event.pdu.depth, id: event.id().to_owned() });

        let expected = self.events.expect(event.clone());
        let current = self.resolver.resolve(&rules, room.nid, states).await?;
        let changes = self.changes(&head.view.snapshot.map, &current).await?;
        let mut snapshots: Vec<SnapshotRow> = before.1.into_iter().collect();
        let (current, row) = self.stored(head, &before.0, current).await?;
        snapshots.extend(row);
        let auth = auth.iter().map(|event| event.nid).collect();
        let addition = Addition { event, auth, current, snapshots, changes, extremities, room: None };
        let job = self.append(room, head, addition).await?;
        expected.keep();
        Ok(job)
    }

    /// What differs between two states.
    async fn changes(&self, from: &StateMap, to: &StateMap) -> Result<Vec<Change>> {
        let differing: Vec<(_, Option<EventNid>)> = from
            .diff(to)
            .map(|item| match item {
                imbl::ordmap::DiffItem::Add(key, event) => (*key, Some(*event)),
                imbl::ordmap::DiffItem::Update { new: (key, event), .. } => (*key, Some(*event)),
                imbl::ordmap::DiffItem::Remove(key, _) => (*key, None),
            })
            .collect();
        let keys: Vec<_> = differing.iter().map(|(key, _)| *key).collect();
        let names = self.storage.state_keys(&keys).await?;
        let mut changes = Vec::with_capacity(differing.len());
        for ((key, event), (kind, state_key)) in differing.into_iter().zip(names) {
            let event = match event {
                Some(event) => Some(self.events.load(event).await?),
                None => None,
            };
            changes.push(Change { key, event, kind, state_key });
        }
        Ok(changes)
    }
}

/// Steps 1 to 3: the event's form, its signatures and its hash. What is signed but does not fit its
/// hash is kept in its redacted form.
fn verified(
    object: CanonicalJsonObject,
    room_id: &RoomId,
    rules: &RoomVersionRules,
    keys: &PublicKeyMap,
) -> Result<Pdu> {
    let drop = |reason: String| Error::bad_json(format!("The event is dropped: {reason}."));
    check_pdu_format(&object, &rules.event_format).map_err(drop)?;
    let object = match verify_event(keys, &object, rules).map_err(|fault| drop(fault.to_string()))? {
        Verified::All => object,
        Verified::Signatures => {
            canonical_json::redact(object, &rules.redaction, None).map_err(|fault| drop(fault.to_string()))?
        }
    };
    let id = event::event_id(&object, rules)?;
    let json = serde_json::to_string(&object).map_err(|fault| drop(fault.to_string()))?;
    let pdu = Pdu::parse(json.into(), id, room_id.to_owned())?;
    let stated = object.get("room_id").and_then(|stated| stated.as_str());
    if stated.is_some_and(|stated| stated != room_id) {
        return Err(drop("it belongs to another room".to_owned()));
    }
    if pdu.kind == TimelineEventType::RoomCreate {
        return Err(drop("a room is created once".to_owned()));
    }
    Ok(pdu)
}
