//! The client-server API: one line per endpoint, in the specification's order.

mod account;
mod key_backups;
mod keys;
mod membership;
mod messages;
mod rooms;
mod server;
mod sync;
mod to_device;

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

        // Modules: Send-to-Device messaging
        endpoint(to_device::send),

        // Modules: End-to-end encryption
        endpoint(keys::upload_cross_signing_keys),
        endpoint(keys::upload_signatures),
        endpoint(key_backups::create),
        endpoint(key_backups::current),
        endpoint(key_backups::version),
        endpoint(key_backups::update),
        endpoint(key_backups::delete),
        endpoint(key_backups::store_session),
        endpoint(key_backups::session),
        endpoint(key_backups::delete_session),
        endpoint(key_backups::store_room),
        endpoint(key_backups::room),
        endpoint(key_backups::delete_room),
        endpoint(key_backups::store),
        endpoint(key_backups::keys),
        endpoint(key_backups::delete_keys),
        endpoint(keys::upload),
        endpoint(keys::query),
        endpoint(keys::claim),
        endpoint(keys::changes),

        // Modules: Event context
        endpoint_json(messages::context),
    ]
}
