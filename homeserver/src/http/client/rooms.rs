//! Rooms: creating them, their state, who is in them.

use crate::{
    App, Error, Result,
    http::endpoint::Ruma,
    rooms::{create::NewRoom, draft::Wish},
};
use ruma::api::client::{
    membership::{get_member_events, joined_members, joined_rooms},
    room::create_room,
    state::{
        get_state_event_for_key::{self, v3::StateEventFormat},
        get_state_events, send_state_event,
    },
};

/// `POST /_matrix/client/v3/createRoom`
pub async fn create(app: App, req: Ruma<create_room::v3::Request>) -> Result<create_room::v3::Response> {
    let wanted = wanted(req.body)?;
    let room_id = app.rooms.create(&req.caller, wanted).await?;
    Ok(create_room::v3::Response::new(room_id))
}

fn wanted(body: create_room::v3::Request) -> Result<NewRoom> {
    let object = |json: Option<&str>, what: &str| match json {
        None => Ok(serde_json::Map::new()),
        Some(json) => serde_json::from_str(json).map_err(|_| Error::bad_json(format!("{what} is not an object."))),
    };
    let initial_state =
        body.initial_state.iter().map(|event| initial_event(event.json().get())).collect::<Result<_>>()?;
    Ok(NewRoom {
        version: body.room_version,
        creation_content: object(body.creation_content.as_ref().map(|raw| raw.json().get()), "creation_content")?,
        initial_state,
        invite: body.invite,
        is_direct: body.is_direct,
        name: body.name,
        topic: body.topic,
        preset: body.preset,
        visibility: body.visibility,
        power_levels: object(
            body.power_level_content_override.as_ref().map(|raw| raw.json().get()),
            "power_level_content_override",
        )?,
        alias: None,
    })
}

fn initial_event(json: &str) -> Result<Wish> {
    #[derive(serde::Deserialize)]
    struct Event {
        #[serde(rename = "type")]
        kind: String,
        #[serde(default)]
        state_key: String,
        content: Box<serde_json::value::RawValue>,
    }
    let event: Event = serde_json::from_str(json)
        .map_err(|fault| Error::bad_json(format!("An event of initial_state is malformed: {fault}.")))?;
    Ok(Wish::state(event.kind, event.state_key, event.content))
}

/// `PUT /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}`
pub async fn send_state(app: App, req: Ruma<send_state_event::v3::Request>) -> Result<send_state_event::v3::Response> {
    let send_state_event::v3::Request { room_id, event_type, state_key, body, .. } = req.body;
    let wish = Wish::state(event_type.to_string(), state_key, body.into_json());
    Ok(send_state_event::v3::Response::new(app.rooms.send(&req.caller, &room_id, wish, None).await?))
}

/// `GET /_matrix/client/v3/rooms/{roomId}/state`
pub async fn state(app: App, req: Ruma<get_state_events::v3::Request>) -> Result<String> {
    app.reading.state(&req.caller, &req.body.room_id).await
}

/// `GET /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}`
pub async fn state_event(app: App, req: Ruma<get_state_event_for_key::v3::Request>) -> Result<String> {
    let get_state_event_for_key::v3::Request { room_id, event_type, state_key, format, .. } = req.body;
    let is_whole = format == StateEventFormat::Event;
    app.reading.state_event(&req.caller, &room_id, &event_type.to_string(), &state_key, is_whole).await
}

/// `GET /_matrix/client/v3/rooms/{roomId}/members`
pub async fn members(app: App, req: Ruma<get_member_events::v3::Request>) -> Result<String> {
    let get_member_events::v3::Request { room_id, at, membership, not_membership, .. } = req.body;
    let wanted = membership.map(|membership| membership.as_str().to_owned());
    let unwanted = not_membership.map(|membership| membership.as_str().to_owned());
    app.reading.members(&req.caller, &room_id, at.as_deref(), wanted.as_deref(), unwanted.as_deref()).await
}

/// `GET /_matrix/client/v3/rooms/{roomId}/joined_members`
pub async fn joined_members(app: App, req: Ruma<joined_members::v3::Request>) -> Result<String> {
    app.reading.joined_members(&req.caller, &req.body.room_id).await
}

/// `GET /_matrix/client/v3/joined_rooms`
pub async fn joined_rooms(app: App, req: Ruma<joined_rooms::v3::Request>) -> Result<joined_rooms::v3::Response> {
    Ok(joined_rooms::v3::Response::new(app.memberships.joined_rooms(req.caller.nid).await?))
}
