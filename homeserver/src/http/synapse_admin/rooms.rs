//! Rooms: lists, one at a time, and what is said in them.

use http::Request;
use ruma::{
    EventId, OwnedEventId, OwnedUserId,
    api::{
        Direction as RequestDirection,
        client::{context::get_context, message::get_message_events, space::get_hierarchy},
    },
    events::room::history_visibility::HistoryVisibility,
    room::JoinRuleKind,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Call, json};
use crate::{
    App, Error, Result,
    http::{
        endpoint::{HttpAnswer, Incoming, json_answer},
        parsing::parse,
    },
    moderation::{RoomDetail, RoomSummary},
    rooms::timeline::Direction,
    storage::overview::rooms::{RoomFilter, RoomOrder},
};

/// Rooms on a page, if nothing else is asked for.
const LIMIT: u32 = 100;

#[derive(Deserialize)]
struct ListQuery {
    order_by: Option<String>,
    search_term: Option<String>,
    public_rooms: Option<bool>,
    empty_rooms: Option<bool>,
}

impl ListQuery {
    fn filter(&self) -> RoomFilter {
        let term = self.search_term.clone().filter(|term| !term.is_empty());
        RoomFilter { term, published: self.public_rooms, empty: self.empty_rooms }
    }

    fn order(&self) -> Result<RoomOrder> {
        Ok(match self.order_by.as_deref() {
            None | Some("name" | "alphabetical") => RoomOrder::Name,
            Some("canonical_alias") => RoomOrder::CanonicalAlias,
            Some("joined_members" | "size") => RoomOrder::JoinedMembers,
            Some("joined_local_members") => RoomOrder::JoinedLocalMembers,
            Some("version") => RoomOrder::Version,
            Some("creator") => RoomOrder::Creator,
            Some("encryption") => RoomOrder::Encryption,
            Some("federatable") => RoomOrder::Federatable,
            Some("public") => RoomOrder::Published,
            Some("join_rules") => RoomOrder::JoinRules,
            Some("guest_access") => RoomOrder::GuestAccess,
            Some("history_visibility") => RoomOrder::HistoryVisibility,
            Some("state_events") => RoomOrder::StateEvents,
            Some(other) => return Err(Error::invalid_param(format!("Rooms cannot be sorted by {other}."))),
        })
    }
}

/// A room in a list.
#[derive(Serialize)]
pub(super) struct ListedRoom {
    room_id: String,
    name: Option<String>,
    canonical_alias: Option<String>,
    joined_members: usize,
    joined_local_members: usize,
    version: String,
    creator: Option<OwnedUserId>,
    encryption: Option<String>,
    federatable: bool,
    public: bool,
    join_rules: JoinRuleKind,
    guest_access: Option<String>,
    history_visibility: HistoryVisibility,
    state_events: usize,
    room_type: Option<String>,
}

impl From<RoomSummary> for ListedRoom {
    fn from(summary: RoomSummary) -> Self {
        let view = &summary.view;
        Self {
            room_id: view.id.to_string(),
            name: view.name().map(ToOwned::to_owned),
            canonical_alias: view.canonical_alias().map(ToOwned::to_owned),
            joined_members: view.joined.len(),
            joined_local_members: view.local.len(),
            version: view.version.to_string(),
            creator: view.create().map(|event| event.sender().to_owned()),
            encryption: summary.encryption,
            federatable: view.is_federated(),
            public: summary.is_published,
            join_rules: view.join_rule(),
            guest_access: summary.guest_access,
            history_visibility: view.history_visibility(),
            state_events: view.snapshot.map.len(),
            room_type: view.room_type(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Rooms {
    rooms: Vec<ListedRoom>,
    offset: u32,
    total_rooms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_batch: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_batch: Option<u32>,
}

/// `GET /_synapse/admin/v1/rooms`
pub(super) async fn list(app: App, call: Call) -> Result<Rooms> {
    let (query, page) = (call.query::<ListQuery>()?, call.page(LIMIT, false)?);
    let (rooms, total_rooms) = app.moderation.rooms(&query.filter(), query.order()?, page).await?;
    let next = i64::from(page.from) + i64::from(page.limit);
    Ok(Rooms {
        rooms: rooms.into_iter().map(ListedRoom::from).collect(),
        offset: page.from,
        total_rooms,
        next_batch: (next < total_rooms).then_some(next),
        prev_batch: (page.from > 0).then(|| page.from.saturating_sub(page.limit)),
    })
}

/// A single room.
#[derive(Serialize)]
pub(super) struct DetailedRoom {
    #[serde(flatten)]
    room: ListedRoom,
    topic: Option<String>,
    avatar: Option<String>,
    joined_local_devices: i64,
    forgotten: bool,
}

/// `GET /_synapse/admin/v1/rooms/{room_id}`
pub(super) async fn find(app: App, call: Call) -> Result<DetailedRoom> {
    let RoomDetail { summary, topic, avatar_url, local_devices, is_forgotten } =
        app.moderation.room(&call.room(0)?).await?;
    Ok(DetailedRoom {
        room: summary.into(),
        topic,
        avatar: avatar_url,
        joined_local_devices: local_devices,
        forgotten: is_forgotten,
    })
}

#[derive(Serialize)]
struct State {
    state: Box<RawValue>,
}

/// `GET /_synapse/admin/v1/rooms/{room_id}/state`
pub(super) async fn state(app: App, incoming: Incoming) -> HttpAnswer {
    let call = Call::admit(&app, incoming).await?;
    let state = app.moderation.room_state(&call.caller, &call.room(0)?).await?;
    json(&State { state: RawValue::from_string(state).map_err(|fault| Error::internal(fault.to_string()))? })
}

/// `GET /_synapse/admin/v1/rooms/{room_id}/context/{event_id}`
pub(super) async fn context(app: App, incoming: Incoming) -> HttpAnswer {
    let Call { caller, args, request, body } = Call::admit(&app, incoming).await?;
    let request: get_context::v3::Request = parse(request, &args, &body)?;
    json_answer(app.moderation.context(&caller, request).await?)
}

/// `GET /_synapse/admin/v1/rooms/{room_id}/messages`
pub(super) async fn messages(app: App, incoming: Incoming) -> HttpAnswer {
    let Call { caller, args, request, body } = Call::admit(&app, incoming).await?;
    let request: get_message_events::v3::Request = parse(with_direction(request), &args, &body)?;
    json_answer(app.moderation.messages(&caller, request).await?)
}

/// Reads forwards if nothing is said, as Synapse does here.
fn with_direction(request: Request<()>) -> Request<()> {
    let query = request.uri().query().unwrap_or_default();
    if url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "dir") {
        return request;
    }
    let separator = if query.is_empty() { "" } else { "&" };
    let uri = format!("{}?{query}{separator}dir=f", request.uri().path());
    let (mut parts, body) = request.into_parts();
    if let Ok(uri) = uri.parse() {
        parts.uri = uri;
    }
    Request::from_parts(parts, body)
}

#[derive(Serialize)]
pub(super) struct EventAt {
    event_id: OwnedEventId,
    origin_server_ts: i64,
}

/// `GET /_synapse/admin/v1/rooms/{room_id}/timestamp_to_event`
pub(super) async fn event_at(app: App, call: Call) -> Result<EventAt> {
    #[derive(Deserialize)]
    struct Wanted {
        ts: i64,
        dir: Option<RequestDirection>,
    }
    let Wanted { ts, dir } = call.query()?;
    let direction = match dir {
        None | Some(RequestDirection::Forward) => Direction::Forward,
        Some(RequestDirection::Backward) => Direction::Backward,
    };
    let (event_id, origin_server_ts) = app.moderation.event_at(&call.caller, &call.room(0)?, ts, direction).await?;
    Ok(EventAt { event_id, origin_server_ts })
}

/// `GET /_synapse/admin/v1/rooms/{room_id}/hierarchy`
pub(super) async fn hierarchy(app: App, incoming: Incoming) -> HttpAnswer {
    let Call { args, request, body, .. } = Call::admit(&app, incoming).await?;
    let request: get_hierarchy::v1::Request = parse(request, &args, &body)?;
    json_answer(app.moderation.hierarchy(request).await?)
}

#[derive(Serialize)]
struct FetchedEvent {
    event: Box<RawValue>,
}

/// `GET /_synapse/admin/v1/fetch_event/{event_id}`
pub(super) async fn event(app: App, incoming: Incoming) -> HttpAnswer {
    let call = Call::admit(&app, incoming).await?;
    let id = EventId::parse(&*call.args[0]).map_err(|_| Error::invalid_param("This is not an event ID."))?;
    let event = app.moderation.event(&call.caller, &id).await?;
    json(&FetchedEvent { event: RawValue::from_string(event).map_err(|fault| Error::internal(fault.to_string()))? })
}

#[derive(Serialize)]
pub(super) struct End {
    event_id: OwnedEventId,
    depth: i64,
}

#[derive(Serialize)]
pub(super) struct Ends {
    count: usize,
    results: Vec<End>,
}

/// `GET /_synapse/admin/v1/rooms/{room_id}/forward_extremities`
pub(super) async fn ends(app: App, call: Call) -> Result<Ends> {
    let ends = app.moderation.ends(&call.room_of(&app, 0).await?).await?;
    let results: Vec<End> = ends.into_iter().map(|(event_id, depth)| End { event_id, depth }).collect();
    Ok(Ends { count: results.len(), results })
}

#[derive(Serialize)]
pub(super) struct Block {
    block: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<OwnedUserId>,
}

/// `GET /_synapse/admin/v1/rooms/{room_id}/block`
pub(super) async fn block(app: App, call: Call) -> Result<Block> {
    let user_id = app.moderation.blocker(&call.room(0)?).await?;
    Ok(Block { block: user_id.is_some(), user_id })
}

/// `PUT /_synapse/admin/v1/rooms/{room_id}/block`
pub(super) async fn set_block(app: App, call: Call) -> Result<Block> {
    #[derive(Deserialize)]
    struct Body {
        block: bool,
    }
    let Body { block } = call.body()?;
    app.moderation.set_block(&call.caller, &call.room(0)?, block).await?;
    Ok(Block { block, user_id: None })
}
