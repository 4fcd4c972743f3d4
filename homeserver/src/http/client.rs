//! The client-server API: one line per endpoint, in the specification's order.

mod account;
mod membership;
mod messages;
mod rooms;
mod server;
mod sync;

use super::endpoint::{Route, endpoint, endpoint_json};

/// All endpoints of the client-server API.
#[rustfmt::skip]
pub fn routes() -> Vec<Route> {
    vec![
        endpoint(server::versions),
        endpoint(account::register),
        endpoint(account::whoami),

        // Getting events
        endpoint_json(sync::sync),
        endpoint_json(messages::event),
        endpoint_json(rooms::joined_members),
        endpoint_json(rooms::members),
        endpoint_json(rooms::state),
        endpoint_json(rooms::state_event).also("/_matrix/client/v3/rooms/{room_id}/state/{event_type}/"),
        endpoint_json(messages::messages),
        endpoint(messages::event_at),

        // Sending events to a room
        endpoint(rooms::send_state),
        endpoint(messages::send),
        endpoint(messages::redact),

        // Rooms
        endpoint(rooms::create),
        endpoint(rooms::joined_rooms),
        endpoint(membership::invite),
        endpoint(membership::join),
        endpoint(membership::join_by_alias),
        endpoint(membership::knock),
        endpoint(membership::forget),
        endpoint(membership::leave),
        endpoint(membership::kick),
        endpoint(membership::ban),
        endpoint(membership::unban),

        // Modules
        endpoint_json(messages::context),
    ]
}
