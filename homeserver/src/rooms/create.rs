//! Creates rooms: presets and the sequence of first events. Client-server API, "Creation".

use std::sync::Arc;

use ruma::{
    OwnedRoomAliasId, OwnedRoomId, OwnedUserId, RoomVersionId,
    api::client::room::create_room::v3::CreationContent,
    room_version_rules::{RoomIdFormatVersion, RoomVersionRules},
};
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    Rooms,
    append::{Addition, Change},
    checks,
    draft::{Wish, room_of_creation},
    heads::{Extremity, Head, Room},
    snapshots::{Snapshots, StateMap},
    view::View,
};
use crate::{
    Error, Result,
    accounts::User,
    event::{Circumstances, Event},
    secrets,
    storage::{
        log::{Broken, rows::RoomRow},
        nids::Kind,
        numbers::{EventNid, RoomNid},
    },
    tail::Job,
};

/// What a new room is to be.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are those of the request, where nothing else is said")]
pub struct NewRoom {
    pub version: RoomVersionId,
    /// The room's ID, if it had to be known before; only where it does not follow from the creation
    /// event.
    pub id: Option<OwnedRoomId>,
    pub creation_content: Map<String, Value>,
    /// The creator's name and avatar, as members of a membership event's content.
    pub profile: Map<String, Value>,
    pub initial_state: Vec<Wish>,
    /// Everybody who is to be trusted because they are invited.
    pub invite: Vec<OwnedUserId>,
    /// The membership events of those who are invited at once.
    pub invitations: Vec<Wish>,
    pub name: Option<String>,
    pub topic: Option<String>,
    pub preset: Preset,
    pub power_levels: Map<String, Value>,
    /// Already bound to be this room's.
    pub alias: Option<OwnedRoomAliasId>,
}

/// What a room is like where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// For those who are invited.
    Private,
    /// The same, and they have as much power as the creator.
    TrustedPrivate,
    /// For everybody.
    Public,
}

impl Rooms {
    /// A number for a room that is to be created.
    pub async fn next_room(&self) -> Result<RoomNid> {
        Ok(RoomNid(self.take(Kind::Room).await?))
    }

    /// Creates the room `nid`; it is durable with all its first events when this returns. If one of
    /// them is refused, there is no room.
    pub async fn create(&self, creator: &User, nid: RoomNid, wanted: NewRoom) -> Result<OwnedRoomId> {
        let version = wanted.version.clone();
        let rules = rules_of(&version)?;
        let content = creation_content(creator, &wanted, &rules)?;
        let room_id = match rules.room_id_format {
            RoomIdFormatVersion::V1 => Some(wanted.id.clone().map_or_else(|| self.new_room_id(), Ok)?),
            _ => None,
        };
        let pdu = self.drafter.draft_creation(&creator.id, content, &rules, room_id.clone())?;
        let room_id = match room_id {
            Some(room_id) => room_id,
            None => room_of_creation(&pdu.event_id)?,
        };

        let event = self.creation_event(pdu, creator, nid).await?;
        let wishes = first_events(creator, &wanted, &rules)?;
        let room = self.heads.insert(nid, room_id.clone());
        let commit = {
            let mut held = self.heads.hold(&room).await?;
            let mut head = empty_head(nid, &room_id, version, rules);
            let job = self.fill(&room, &mut head, creator, event, wishes).await?;
            *held = Some(head);
            self.log.enqueue(job).await?
        };
        commit.wait().await?;
        Ok(room_id)
    }

    /// An ID for a room whose version does not derive it from the creation event.
    pub fn new_room_id(&self) -> Result<OwnedRoomId> {
        OwnedRoomId::try_from(format!("!{}:{}", secrets::identifier(18), self.signing.server_name()))
            .map_err(|fault| Error::internal(format!("making a room ID: {fault}")))
    }

    async fn creation_event(&self, pdu: crate::event::Pdu, creator: &User, room: RoomNid) -> Result<Arc<Event>> {
        let key = self.storage.intern_state_key("m.room.create", "").await?;
        let of = Circumstances {
            nid: EventNid(self.take(Kind::Event).await?),
            room_nid: room,
            sender_nid: creator.nid,
            state_key_nid: Some(key),
            flags: 0,
            snapshot: None,
            transaction: None,
            unsigned: "".into(),
            position: None,
        };
        Ok(Arc::new(Event::new(pdu, of)))
    }

    /// Appends the creation event and all that follows; returns what the log has to write, as a
    /// whole: a room is there with all its first events or not at all.
    async fn fill(
        &self,
        room: &Arc<Room>,
        head: &mut Head,
        creator: &User,
        creation: Arc<Event>,
        wishes: Vec<(Wish, Step)>,
    ) -> Result<Job> {
        let key = creation.state_key_nid.expect("a creation event is a state event");
        let (current, row) = Snapshots::first(room.nid, self.next_snapshot().await?, StateMap::unit(key, creation.nid));
        let addition = Addition {
            event: creation.clone(),
            auth: Vec::new(),
            current,
            snapshots: vec![row],
            changes: vec![Change::to(key, creation.clone())],
            extremities: vec![Extremity { nid: creation.nid, depth: 1, id: creation.id().to_owned() }],
            room: Some(RoomRow {
                nid: room.nid,
                id: head.view.id.clone(),
                version: head.view.version.to_string(),
                created_at: self.clock.now_ms(),
            }),
        };
        let mut job = self.append(room, head, addition).await?;
        for (wish, step) in wishes {
            self.place(&head.view).check(&wish)?;
            let draft = self.drafter.draft(head, &creator.id, wish).await?;
            let addition = self.follow(head, draft.pdu, &draft.auth, None).await?;
            checks::against_auth_events(
                &head.view.rules.authorization,
                &addition.event,
                &draft.auth,
                head.view.create(),
            )
            .map_err(|rule| step.refuse(&rule))?;
            job = job.then(self.append(room, head, addition).await?);
        }
        Ok(job)
    }
}

/// Where an event of a new room comes from, for telling what was wrong.
#[derive(Clone, Copy, Debug)]
enum Step {
    Ours,
    PowerLevels,
    InitialState,
    Invite,
}

impl Step {
    fn refuse(self, rule: &str) -> Error {
        match self {
            Self::Ours => Error::invalid_room_state(format!("The room cannot be made like this: {rule}.")),
            Self::PowerLevels => Error::invalid_room_state(format!("These power levels are not possible: {rule}.")),
            Self::InitialState => Error::invalid_room_state(format!("The initial state is not possible: {rule}.")),
            Self::Invite => Error::forbidden(format!("Somebody cannot be invited: {rule}.")),
        }
    }
}

/// A head on which the creation event can be put.
fn empty_head(nid: RoomNid, id: &OwnedRoomId, version: RoomVersionId, rules: RoomVersionRules) -> Head {
    let (snapshot, _) = Snapshots::first(nid, crate::storage::numbers::SnapshotNid(0), StateMap::new());
    let view = View::new(nid, id.clone(), version, rules, snapshot);
    Head { version_no: 0, view: Arc::new(view), extremities: Vec::new(), broken: Broken::default() }
}

/// The rules of a room version, if this server can make such rooms.
pub fn rules_of(version: &RoomVersionId) -> Result<RoomVersionRules> {
    version
        .rules()
        .ok_or_else(|| Error::unsupported_room_version(format!("This server has no room version {version}.")))
}

fn creation_content(creator: &User, wanted: &NewRoom, rules: &RoomVersionRules) -> Result<Box<RawValue>> {
    let mut content = wanted.creation_content.clone();
    if rules.authorization.additional_room_creators {
        let creators = additional_creators(creator, wanted, content.remove("additional_creators"))?;
        check_creation_content(&content)?;
        if !creators.is_empty() {
            content.insert("additional_creators".to_owned(), json!(creators));
        }
    } else {
        content.remove("additional_creators");
        check_creation_content(&content)?;
    }
    content.insert("room_version".to_owned(), wanted.version.as_str().into());
    if rules.authorization.use_room_create_sender {
        content.remove("creator");
    } else {
        content.insert("creator".to_owned(), creator.id.as_str().into());
    }
    raw(&content)
}

/// Who has as much power as the creator, each once: those that are listed, and where invited people
/// are trusted also those.
fn additional_creators(creator: &User, wanted: &NewRoom, listed: Option<Value>) -> Result<Vec<OwnedUserId>> {
    let listed = match listed {
        None => Vec::new(),
        Some(listed) => serde_json::from_value::<Vec<OwnedUserId>>(listed)
            .map_err(|_| Error::invalid_param("additional_creators is a list of user IDs."))?,
    };
    let trusted = wanted.invite.iter().filter(|_| wanted.preset == Preset::TrustedPrivate).cloned();
    let mut creators: Vec<OwnedUserId> = Vec::new();
    for user in listed.into_iter().chain(trusted) {
        if user != creator.id && !creators.contains(&user) {
            creators.push(user);
        }
    }
    Ok(creators)
}

fn check_creation_content(content: &Map<String, Value>) -> Result<()> {
    serde_json::from_value::<CreationContent>(Value::Object(content.clone()))
        .map(drop)
        .map_err(|fault| Error::bad_json(format!("creation_content is malformed: {fault}.")))
}

/// The events after the creation event, in the specification's order.
fn first_events(creator: &User, wanted: &NewRoom, rules: &RoomVersionRules) -> Result<Vec<(Wish, Step)>> {
    let mut join = wanted.profile.clone();
    join.insert("membership".to_owned(), "join".into());
    let mut events = vec![
        (Wish::state_of("m.room.member", creator.id.as_str(), &join)?, Step::Ours),
        (Wish::state("m.room.power_levels", "", power_levels(creator, wanted, rules)?), Step::PowerLevels),
    ];
    if let Some(alias) = &wanted.alias {
        events.push((Wish::state_of("m.room.canonical_alias", "", &json!({ "alias": alias }))?, Step::Ours));
    }
    let (join_rule, guests) = match wanted.preset {
        Preset::Public => ("public", "forbidden"),
        Preset::Private | Preset::TrustedPrivate => ("invite", "can_join"),
    };
    let defaults = [
        ("m.room.join_rules", json!({ "join_rule": join_rule })),
        ("m.room.history_visibility", json!({ "history_visibility": "shared" })),
        ("m.room.guest_access", json!({ "guest_access": guests })),
    ];
    for (kind, content) in defaults {
        let is_overridden = wanted
            .initial_state
            .iter()
            .any(|wish| wish.kind.to_string() == kind && wish.state_key.as_deref() == Some(""));
        if !is_overridden {
            events.push((Wish::state_of(kind, "", &content)?, Step::Ours));
        }
    }
    events.extend(wanted.initial_state.iter().cloned().map(|wish| (wish, Step::InitialState)));
    if let Some(name) = &wanted.name {
        events.push((Wish::state_of("m.room.name", "", &json!({ "name": name }))?, Step::Ours));
    }
    if let Some(topic) = &wanted.topic {
        let content = json!({ "topic": topic, "m.topic": { "m.text": [{ "body": topic }] } });
        events.push((Wish::state_of("m.room.topic", "", &content)?, Step::Ours));
    }
    events.extend(wanted.invitations.iter().cloned().map(|wish| (wish, Step::Invite)));
    Ok(events)
}

fn power_levels(creator: &User, wanted: &NewRoom, rules: &RoomVersionRules) -> Result<Box<RawValue>> {
    let has_privileged_creators = rules.authorization.explicitly_privilege_room_creators;
    let mut users = Map::new();
    if !has_privileged_creators {
        users.insert(creator.id.to_string(), 100.into());
        if wanted.preset == Preset::TrustedPrivate {
            users.extend(wanted.invite.iter().map(|user| (user.to_string(), 100.into())));
        }
    }
    let content = json!({
        "users": users,
        "users_default": 0,
        "events": {
            "m.room.name": 50,
            "m.room.avatar": 50,
            "m.room.canonical_alias": 50,
            "m.room.power_levels": 100,
            "m.room.history_visibility": 100,
            "m.room.encryption": 100,
            "m.room.server_acl": 100,
            "m.room.tombstone": if has_privileged_creators { 150 } else { 100 },
        },
        "events_default": 0,
        "state_default": 50,
        "ban": 50,
        "kick": 50,
        "redact": 50,
        "invite": if wanted.preset == Preset::Public { 50 } else { 0 },
    });
    let mut content = content.as_object().cloned().unwrap_or_default();
    content.extend(wanted.power_levels.clone());
    raw(&content)
}

fn raw(content: &Map<String, Value>) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(content)
        .map_err(|fault| Error::internal(format!("serialising the content of a new room: {fault}")))
}
