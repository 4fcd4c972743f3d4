//! Another server, as far as its events go: it has a name, a signing key and a user.

use std::collections::BTreeMap;

use homeserver::{App, Result, event, rooms::receive::Verdict};
use ruma::{
    OwnedEventId, OwnedUserId, RoomId,
    canonical_json::{CanonicalJsonObject, CanonicalJsonValue},
    room_version_rules::{EventIdFormatVersion, EventsReferenceFormatVersion, RoomVersionRules},
    serde::Base64,
    signatures::{self, Ed25519KeyPair, PublicKeyMap},
};
use serde_json::{Value, json};

use crate::{TestServer, TestUser, segment};

/// A server that is not there, but whose events are.
#[derive(Debug)]
pub struct RemoteServer {
    /// Its only user.
    pub user: OwnedUserId,
    name: String,
    key: Ed25519KeyPair,
    rules: RoomVersionRules,
}

/// Where an event stands: its parents and what authorises it.
#[derive(Clone, Debug)]
pub struct Place {
    /// The parents.
    pub prev: Vec<OwnedEventId>,
    /// All state there, by type and state key.
    pub state: BTreeMap<(String, String), OwnedEventId>,
}

impl RemoteServer {
    /// The server `name`, for rooms of a version, with the user `zoe`.
    pub fn new(name: &str, rules: RoomVersionRules) -> Self {
        let document = Ed25519KeyPair::generate();
        let key = Ed25519KeyPair::from_der(&document, "1".to_owned()).expect("a fresh key is valid");
        let user = OwnedUserId::try_from(format!("@zoe:{name}")).expect("a valid name");
        Self { user, name: name.to_owned(), key, rules }
    }

    /// The keys that the receiving server would have fetched.
    pub fn keys(&self) -> PublicKeyMap {
        let key = Base64::new(self.key.public_key().to_vec());
        let id = format!("ed25519:{}", self.key.version());
        BTreeMap::from([(self.name.clone(), BTreeMap::from([(id, key)]))])
    }

    /// The end of the room as `observer`, a user of `server`, sees it.
    pub async fn place(&self, server: &TestServer, observer: &TestUser, room: &RoomId) -> Place {
        let path = format!("/_matrix/client/v3/rooms/{}/state", segment(room.as_str()));
        let state = observer.get(&path).await.expect("the state can be read");
        let entry = |event: &Value| {
            let text = |name: &str| event[name].as_str().expect("a string").to_owned();
            ((text("type"), text("state_key")), OwnedEventId::try_from(text("event_id")).expect("an event ID"))
        };
        let last = observer.messages(room, 1).await.remove(0);
        let last = last["event_id"].as_str().and_then(|id| OwnedEventId::try_from(id).ok()).expect("an event ID");
        assert!(server.app.rooms.events().find(&last).await.expect("the database answers").is_some());
        Place { prev: vec![last], state: state.as_array().expect("a list").iter().map(entry).collect() }
    }

    /// Makes an event of this server's user.
    pub async fn event(
        &self,
        app: &App,
        room: &RoomId,
        place: &Place,
        kind: &str,
        state_key: Option<&str>,
        content: Value,
    ) -> CanonicalJsonObject {
        let needed = self.authority(kind, state_key, &content);
        let auth: Vec<_> = needed.iter().filter_map(|key| place.state.get(key).cloned()).collect();
        let mut depth = 0;
        for parent in app.rooms.events().find_many(&place.prev).await.expect("the database answers").iter().flatten() {
            depth = depth.max(parent.pdu.depth);
        }
        let mut object = json!({
            "room_id": room, "sender": self.user, "type": kind, "content": content, "depth": depth + 1,
            "origin_server_ts": u64::from(app.clock.now().0),
            "prev_events": self.references(app, &place.prev).await,
            "auth_events": self.references(app, &auth).await,
        });
        if let Some(state_key) = state_key {
            object["state_key"] = state_key.into();
        }
        if self.rules.event_id_format == EventIdFormatVersion::V1 {
            object["event_id"] = format!("${}:{}", homeserver::secrets::identifier(20), self.name).into();
        }
        let mut object: CanonicalJsonObject = serde_json::from_value(object).expect("canonical JSON");
        signatures::hash_and_sign_event(&self.name, &self.key, &mut object, &self.rules.redaction)
            .expect("it is signed");
        object
    }

    /// Makes an event and has `server` receive it; returns its ID and what became of it.
    pub async fn send(
        &self,
        server: &TestServer,
        room: &RoomId,
        place: &Place,
        kind: &str,
        state_key: Option<&str>,
        content: Value,
    ) -> (OwnedEventId, Result<Verdict>) {
        let object = self.event(&server.app, room, place, kind, state_key, content).await;
        let id = event::event_id(&object, &self.rules).expect("it has an ID");
        (id, server.app.rooms.receive(room, object, &self.keys()).await)
    }

    /// Joins a public room.
    pub async fn join(&self, server: &TestServer, observer: &TestUser, room: &RoomId) {
        let place = self.place(server, observer, room).await;
        let content = json!({ "membership": "join" });
        let (_, verdict) = self.send(server, room, &place, "m.room.member", Some(self.user.as_str()), content).await;
        assert_eq!(verdict.expect("the event is well-formed"), Verdict::Accepted);
    }

    fn authority(&self, kind: &str, state_key: Option<&str>, content: &Value) -> Vec<(String, String)> {
        let content = serde_json::value::to_raw_value(content).expect("JSON");
        let selected = ruma::state_res::auth_types_for_event(
            &kind.into(),
            &self.user,
            state_key,
            &content,
            &self.rules.authorization,
        );
        let selected = selected.expect("the event is well-formed");
        selected.into_iter().map(|(kind, state_key)| (kind.to_string(), state_key)).collect()
    }

    async fn references(&self, app: &App, ids: &[OwnedEventId]) -> Value {
        if self.rules.events_reference_format != EventsReferenceFormatVersion::V1 {
            return json!(ids);
        }
        let mut references = Vec::new();
        for id in ids {
            let event = app.rooms.events().find(id).await.expect("the database answers").expect("the event is known");
            let object = event.pdu.object().expect("an event is an object");
            let hash = signatures::reference_hash(&object, &self.rules).expect("it can be hashed");
            references.push(json!([id, { "sha256": CanonicalJsonValue::String(hash) }]));
        }
        references.into()
    }
}
