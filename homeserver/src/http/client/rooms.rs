//! Rooms: creating them, their state, who is in them.

use ruma::api::client::{
    membership::{get_member_events, joined_members},
    room::{create_room, upgrade_room},
    state::{
        get_state_event_for_key::{self, v3::StateEventFormat},
        get_state_events, send_state_event,
    },
};

use crate::{App, Result, http::endpoint::Ruma, rooms::draft::Wish};

/// `POST /_matrix/client/v3/createRoom`
pub async fn create(app: App, req: Ruma<create_room::v3::Request>) -> Result<create_room::v3::Response> {
    Ok(create_room::v3::Response::new(app.creations.create(&req.caller, req.body).await?))
}

/// `POST /_matrix/client/v3/rooms/{roomId}/upgrade`
pub async fn upgrade(app: App, req: Ruma<upgrade_room::v3::Request>) -> Result<upgrade_room::v3::Response> {
    let upgrade_room::v3::Request { room_id, new_version, additional_creators, .. } = req.body;
    let new_id = app.creations.upgrade(&req.caller, &room_id, new_version, additional_creators).await?;
    Ok(upgrade_room::v3::Response::new(new_id))
}

/// `PUT /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}`
pub async fn send_state(app: App, req: Ruma<send_state_event::v3::Request>) -> Result<send_state_event::v3::Response> {
    let send_state_event::v3::Request { room_id, event_type, state_key, body, timestamp, .. } = req.body;
    let caller = req.caller.at(timestamp.map(|timestamp| timestamp.0.into()));
    let wish = Wish::state(event_type.to_string(), state_key, body.into_json());
    Ok(send_state_event::v3::Response::new(app.posting.set_state(&caller, &room_id, wish).await?))
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
