//! A room in memory whose history may fork.

use std::{collections::HashMap, sync::Arc};

use ruma::{
    OwnedEventId, OwnedRoomId, RoomVersionId,
    canonical_json::{CanonicalJsonObject, CanonicalJsonValue},
    room_version_rules::{EventsReferenceFormatVersion, RoomVersionRules, StateResolutionVersion},
    signatures::{Ed25519KeyPair, hash_and_sign_event},
    state_res::check_state_dependent_auth_rules,
};
use serde_json::{Value, json};

use super::super::{AuthGraph, Conflict, Known, StateMap, auth_types_of, v1, v2};
use crate::{
    event::{self, Circumstances, Event, flags},
    storage::{
        auth_graph::AuthRow,
        numbers::{EventNid, RoomNid, StateKeyNid, UserNid},
    },
};

pub(super) const ALICE: &str = "@alice:test.local";
pub(super) const BOB: &str = "@bob:test.local";
pub(super) const CHARLIE: &str = "@charlie:test.local";

/// A room with every event that was ever sent to it.
pub(super) struct TestRoom {
    pub rules: RoomVersionRules,
    pub graph: AuthGraph,
    pub events: Vec<Arc<Event>>,
    /// The time of the next event.
    pub time: i64,
    pub keys: HashMap<(String, String), StateKeyNid>,
    pub version: RoomVersionId,
    pub room_id: OwnedRoomId,
    key: Ed25519KeyPair,
}

/// A line of history: the state after its last event, and that event.
#[derive(Clone)]
pub(super) struct Branch {
    pub state: StateMap,
    pub last: Option<Arc<Event>>,
}

/// What is special about an event.
#[derive(Default)]
pub(super) struct Special {
    /// The events it is said to be authorised by, instead of those that the branch has.
    pub auth: Option<Vec<Arc<Event>>>,
    pub is_rejected: bool,
}

impl TestRoom {
    /// A public room of Alice (power level 100), Bob (50) and Charlie (0), and its state.
    pub(super) fn public(version: RoomVersionId) -> (Self, Branch) {
        let mut room = Self::new(version);
        let start = room.open();
        (room, start)
    }

    /// A room in which only Alice is, and its state.
    pub(super) fn private(version: RoomVersionId) -> (Self, Branch) {
        let mut room = Self::new(version);
        let start = room.create();
        (room, start)
    }

    /// Nothing yet.
    pub(super) fn new(version: RoomVersionId) -> Self {
        let document = Ed25519KeyPair::generate();
        Self {
            rules: version.rules().expect("a known version"),
            graph: AuthGraph::default(),
            events: Vec::new(),
            time: 1000,
            room_id: "!room:test.local".try_into().unwrap(),
            key: Ed25519KeyPair::from_der(&document, "1".to_owned()).unwrap(),
            keys: HashMap::new(),
            version,
        }
    }

    /// The first events of [`Self::public`].
    pub(super) fn open(&mut self) -> Branch {
        let levels = self.levels(&[(BOB, 50)]);
        let branch = self.create();
        let branch = self.send(&branch, ALICE, "m.room.power_levels", "", levels);
        let branch = self.send(&branch, ALICE, "m.room.join_rules", "", json!({ "join_rule": "public" }));
        let branch = self.join(&branch, BOB);
        self.join(&branch, CHARLIE)
    }

    fn create(&mut self) -> Branch {
        let content = json!({ "creator": ALICE, "room_version": self.version });
        let none = Branch { state: StateMap::new(), last: None };
        let create = self.make(&none, ALICE, "m.room.create", "", content, Special::default());
        self.join(&none.with(create), ALICE)
    }

    /// Power levels in which Alice stands at the top, as the room version has it.
    pub(super) fn levels(&self, others: &[(&str, i64)]) -> Value {
        let mut users: serde_json::Map<_, _> =
            others.iter().map(|(user, level)| ((*user).to_owned(), json!(level))).collect();
        if !self.rules.authorization.explicitly_privilege_room_creators {
            users.insert(ALICE.to_owned(), json!(100));
        }
        json!({ "users": users })
    }

    pub(super) fn join(&mut self, branch: &Branch, user: &str) -> Branch {
        self.member(branch, user, user, "join")
    }

    pub(super) fn member(&mut self, branch: &Branch, sender: &str, user: &str, membership: &str) -> Branch {
        self.send(branch, sender, "m.room.member", user, json!({ "membership": membership }))
    }

    pub(super) fn topic(&mut self, branch: &Branch, sender: &str, topic: &str) -> Branch {
        self.send(branch, sender, "m.room.topic", "", json!({ "topic": topic }))
    }

    /// Sends an event that the state of `branch` allows.
    pub(super) fn send(
        &mut self,
        branch: &Branch,
        sender: &str,
        kind: &str,
        state_key: &str,
        content: Value,
    ) -> Branch {
        let next = self.try_send(branch, sender, kind, state_key, content);
        next.unwrap_or_else(|fault| panic!("{sender} may not send {kind}: {fault}"))
    }

    pub(super) fn try_send(
        &mut self,
        branch: &Branch,
        sender: &str,
        kind: &str,
        state_key: &str,
        content: Value,
    ) -> Result<Branch, String> {
        let event = self.make(branch, sender, kind, state_key, content, Special::default());
        check_state_dependent_auth_rules(&self.rules.authorization, &event, |kind, state_key| {
            self.at(&branch.state, &kind.to_string(), state_key)
        })?;
        Ok(branch.with(event))
    }

    /// Makes an event without asking whether it is allowed.
    pub(super) fn make(
        &mut self,
        branch: &Branch,
        sender: &str,
        kind: &str,
        state_key: &str,
        content: Value,
        special: Special,
    ) -> Arc<Event> {
        let is_create = kind == "m.room.create";
        let mut pdu = json!({
            "type": kind,
            "sender": sender,
            "state_key": state_key,
            "content": content,
            "origin_server_ts": self.time,
            "depth": branch.last.as_ref().map_or(1, |last| last.pdu.depth + 1),
            "prev_events": self.references(branch.last.as_slice()),
            "auth_events": [],
        });
        if !is_create || !self.rules.authorization.room_create_event_id_as_room_id {
            pdu["room_id"] = json!(self.room_id);
        }
        if self.rules.events_reference_format == EventsReferenceFormatVersion::V1 {
            pdu["event_id"] = json!(format!("${}:test.local", self.events.len()));
        }
        let auth = special.auth.unwrap_or_else(|| self.auth_events(&branch.state, &pdu));
        pdu["auth_events"] = self.references(&auth);
        self.time += 1000;

        let CanonicalJsonValue::Object(mut object) = pdu.try_into().unwrap() else { unreachable!("it is an object") };
        hash_and_sign_event("test.local", &self.key, &mut object, &self.rules.redaction).unwrap();
        let id = event::event_id(&object, &self.rules).unwrap();
        if is_create && self.rules.authorization.room_create_event_id_as_room_id {
            self.room_id = format!("!{}", &id.as_str()[1..]).try_into().unwrap();
        }
        self.add(&object, id, &auth, special.is_rejected)
    }

    fn add(
        &mut self,
        object: &CanonicalJsonObject,
        id: OwnedEventId,
        auth: &[Arc<Event>],
        is_rejected: bool,
    ) -> Arc<Event> {
        let json = serde_json::to_string(object).unwrap();
        let pdu = event::parse_stored(json.into(), id, self.room_id.clone()).unwrap();
        let next_key = StateKeyNid(100 + i64::try_from(self.keys.len()).unwrap());
        let key = (pdu.kind.to_string(), pdu.state_key.as_deref().unwrap().to_owned());
        let circumstances = Circumstances {
            nid: EventNid(i64::try_from(self.events.len()).unwrap() + 1),
            room_nid: RoomNid(1),
            sender_nid: UserNid(1),
            state_key_nid: Some(*self.keys.entry(key).or_insert(next_key)),
            flags: if is_rejected { flags::REJECTED } else { 0 },
            snapshot: None,
            transaction: None,
            unsigned: "".into(),
            position: None,
        };
        let event = Arc::new(Event::new(pdu, circumstances));
        let auth = auth.iter().map(|event| event.nid).collect();
        self.graph.extend([AuthRow { event: event.nid, auth }]);
        self.events.push(event.clone());
        event
    }

    /// The events that authorise `pdu` in `state`, by the specification's selection.
    fn auth_events(&self, state: &StateMap, pdu: &Value) -> Vec<Arc<Event>> {
        let json: Arc<str> = pdu.to_string().into();
        let id = "$draft".try_into().unwrap();
        let pdu = event::parse_stored(json, id, self.room_id.clone()).unwrap();
        let circumstances = Circumstances {
            nid: EventNid(0),
            room_nid: RoomNid(1),
            sender_nid: UserNid(1),
            state_key_nid: None,
            flags: 0,
            snapshot: None,
            transaction: None,
            unsigned: "".into(),
            position: None,
        };
        let types = auth_types_of(&Event::new(pdu, circumstances), &self.rules.authorization).unwrap();
        types.iter().filter_map(|(kind, key)| self.at(state, &kind.to_string(), key)).collect()
    }

    fn references(&self, events: &[Arc<Event>]) -> Value {
        let is_old = self.rules.events_reference_format == EventsReferenceFormatVersion::V1;
        let reference = |event: &Arc<Event>| if is_old { json!([event.id(), {}]) } else { json!(event.id()) };
        events.iter().map(reference).collect()
    }

    /// The event that stands at a key.
    pub(super) fn at(&self, state: &StateMap, kind: &str, state_key: &str) -> Option<Arc<Event>> {
        let key = self.keys.get(&(kind.to_owned(), state_key.to_owned()))?;
        state.get(key).map(|nid| self.event(*nid).clone())
    }

    pub(super) fn event(&self, nid: EventNid) -> &Arc<Event> {
        &self.events[usize::try_from(nid.0).unwrap() - 1]
    }

    /// A user's membership in a state.
    pub(super) fn membership(&self, state: &StateMap, user: &str) -> Option<String> {
        self.word(state, "m.room.member", user, "membership")
    }

    /// The topic in a state.
    pub(super) fn topic_in(&self, state: &StateMap) -> Option<String> {
        self.word(state, "m.room.topic", "", "topic")
    }

    /// The join rule in a state.
    pub(super) fn join_rule(&self, state: &StateMap) -> Option<String> {
        self.word(state, "m.room.join_rules", "", "join_rule")
    }

    /// A text in the content of an event in a state.
    pub(super) fn word(&self, state: &StateMap, kind: &str, state_key: &str, name: &str) -> Option<String> {
        let content: Value = self.at(state, kind, state_key)?.content_as().unwrap();
        Some(content[name].as_str().unwrap().to_owned())
    }

    /// The state that servers agree on when `branches` meet.
    pub(super) fn resolve(&self, branches: &[&Branch]) -> StateMap {
        let states: Vec<StateMap> = branches.iter().map(|branch| branch.state.clone()).collect();
        let conflict = match Conflict::between(&states) {
            Ok(agreed) => return agreed,
            Err(conflict) => conflict,
        };
        let known = Known::new(self.events.iter().cloned());
        let rules = &self.rules.authorization;
        match self.rules.state_res {
            StateResolutionVersion::V2(tweaks) => {
                let extent = v2::Extent::of_all(tweaks, &self.graph, &conflict);
                let state = v2::resolve(rules, tweaks, &conflict, &extent, &known).unwrap();
                if let Some(extent) = v2::Extent::of_most(tweaks, &self.graph, &conflict) {
                    assert_eq!(v2::resolve(rules, tweaks, &conflict, &extent, &known).unwrap(), state);
                }
                state
            }
            _ => v1::resolve(rules, &conflict.without_absences(), &known),
        }
    }
}

impl Branch {
    pub(super) fn with(&self, event: Arc<Event>) -> Self {
        let mut state = self.state.clone();
        state.insert(event.state_key_nid.unwrap(), event.nid);
        Self { state, last: Some(event) }
    }
}
