//! The client-server API: one line per endpoint, in the specification's order.

mod account;
mod account_data;
mod appservices;
mod devices;
mod directory;
mod email_confirmation;
mod emails;
mod ephemeral;
mod filter;
mod key_backups;
mod keys;
mod legacy_media;
mod media;
mod membership;
mod messages;
mod moderation;
mod old_sync;
mod openid;
mod profile;
mod push;
mod push_rules;
mod registration;
mod relations;
mod reports;
mod rooms;
mod search;
mod second_factor;
mod server;
mod sessions;
mod sync;
mod third_party;
mod to_device;
mod user_directory;
mod voip;

use http::Method;

use super::{
    downloads::download,
    endpoint::{Route, custom, endpoint, endpoint_http, endpoint_json},
    legacy,
    uploads::upload,
};

/// All endpoints of the client-server API.
#[rustfmt::skip]
pub fn routes() -> Vec<Route> {
    vec![
        // Server discovery
        endpoint(server::well_known_client),
        endpoint(server::well_known_support),
        endpoint(server::versions),

        // Client authentication
        endpoint(registration::is_token_valid),
        endpoint_json(sessions::login_types),
        endpoint(sessions::login).prepared(legacy::login),
        endpoint(sessions::login_token).prepared(legacy::auth),
        endpoint(sessions::refresh),
        endpoint(sessions::logout),
        endpoint(sessions::logout_all),
        endpoint_json(registration::register).prepared(legacy::auth),
        endpoint(registration::is_available),
        endpoint(account::password).prepared(legacy::auth),
        endpoint(account::deactivate).prepared(legacy::auth),
        endpoint(emails::request_to_register),
        endpoint(emails::request_to_reset_password),
        endpoint(emails::request_to_add),
        endpoint_json(emails::list),
        endpoint(emails::add).prepared(legacy::auth),
        custom(Method::POST, &emails::DEPRECATED, emails::add_deprecated),
        endpoint(emails::delete),
        custom(Method::GET, &email_confirmation::PATH, email_confirmation::ask),
        custom(Method::POST, &email_confirmation::PATH, email_confirmation::confirm),
        endpoint(account::unbind_third_party_id),
        custom(Method::POST, &account::THIRD_PARTY_IDS, account::refuse_third_party_id).refused(),
        endpoint(account::whoami),

        // Server administration
        endpoint(moderation::whois),
        endpoint(moderation::is_locked),
        endpoint(moderation::lock),
        endpoint(moderation::is_suspended),
        endpoint(moderation::suspend),

        // Capabilities negotiation
        endpoint_json(server::capabilities),

        // Filtering
        endpoint(filter::create),
        endpoint_json(filter::find),

        // Getting events
        endpoint_json(sync::sync),
        endpoint_json(messages::event),
        endpoint_json(rooms::joined_members),
        endpoint_json(rooms::members),
        endpoint_json(rooms::state),
        without_state_key(endpoint_json(rooms::state_event)),
        endpoint_json(messages::messages),
        endpoint(messages::event_at),
        endpoint_json(old_sync::initial_of_room),
        endpoint_json(old_sync::initial),
        endpoint_json(old_sync::events),
        endpoint_json(old_sync::event),

        // Sending events to a room
        without_state_key(endpoint(rooms::send_state)),
        endpoint(messages::send),
        endpoint(messages::send_once),
        endpoint(messages::redact),

        // Forming relationships between events
        endpoint_json(relations::all),
        endpoint_json(relations::of_type),
        endpoint_json(relations::of_types),

        // Rooms
        endpoint(rooms::create),
        endpoint(directory::set_alias),
        endpoint(directory::alias),
        endpoint(directory::delete_alias),
        endpoint(directory::aliases),
        endpoint(membership::joined_rooms),
        endpoint(membership::invite),
        endpoint(membership::join),
        endpoint(membership::join_by_alias),
        endpoint(membership::knock),
        endpoint(membership::forget),
        endpoint(membership::leave),
        endpoint(membership::kick),
        endpoint(membership::ban),
        endpoint(membership::unban),
        endpoint(directory::visibility),
        endpoint(directory::set_visibility),
        endpoint_json(directory::public_rooms),
        endpoint_json(directory::search_public_rooms),
        endpoint_json(directory::summary).also("/_matrix/client/unstable/im.nheko.summary/summary/{room_id_or_alias}"),

        // User data
        endpoint(user_directory::search),
        endpoint_json(profile::all),
        endpoint_json(profile::field),
        endpoint(profile::set),
        endpoint(profile::delete),

        // Modules: Client config
        endpoint(account_data::set_global),
        endpoint_json(account_data::global),
        endpoint(account_data::delete_global),
        endpoint(account_data::set_of_room),
        endpoint_json(account_data::of_room),
        endpoint(account_data::delete_of_room),

        // Modules: Device management
        endpoint_json(devices::list),
        endpoint_json(devices::find),
        endpoint_http(devices::update),
        endpoint(devices::delete).prepared(legacy::auth),
        endpoint(devices::delete_several).prepared(legacy::auth),

        // Modules: Typing notifications
        endpoint(ephemeral::typing).prepared(ephemeral::with_timeout),

        // Modules: Receipts
        endpoint(ephemeral::receipt).prepared(ephemeral::with_valid_thread),

        // Modules: Read and unread markers
        endpoint(ephemeral::read_markers),

        // Modules: Content repository
        download(media::download),
        download(media::download_as),
        download(media::thumbnail),
        endpoint(media::preview),
        endpoint(media::config),
        upload(media::upload).also("/_matrix/media/v1/upload"),
        upload(media::upload_created),
        endpoint(media::create),
        download(legacy_media::download).also("/_matrix/media/v1/download/{server_name}/{media_id}"),
        download(legacy_media::download_as).also("/_matrix/media/v1/download/{server_name}/{media_id}/{filename}"),
        download(legacy_media::thumbnail).also("/_matrix/media/v1/thumbnail/{server_name}/{media_id}"),
        endpoint(legacy_media::preview).also("/_matrix/media/v1/preview_url"),
        endpoint(legacy_media::config).also("/_matrix/media/v1/config"),

        // Modules: Presence
        endpoint(ephemeral::set_presence),
        endpoint_json(ephemeral::presence),

        // Modules: Send-to-Device messaging
        endpoint(to_device::send),

        // Modules: End-to-end encryption
        endpoint(keys::upload_cross_signing_keys).prepared(legacy::auth),
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

        // Modules: Push notifications
        endpoint_json(push_rules::all),
        endpoint_json(push_rules::global),
        endpoint_json(push_rules::of_kind),
        endpoint(push_rules::find),
        endpoint(push_rules::put),
        endpoint(push_rules::delete),
        endpoint(push_rules::is_enabled),
        endpoint(push_rules::enable),
        endpoint(push_rules::actions),
        endpoint(push_rules::set_actions),
        custom(Method::GET, &push_rules::OTHERS, push_rules::refuse),
        custom(Method::PUT, &push_rules::OTHERS, push_rules::refuse),
        custom(Method::DELETE, &push_rules::OTHERS, push_rules::refuse),
        endpoint(push::pushers),
        endpoint(push::set_pusher).prepared(push::with_all_parts),
        endpoint_json(push::notifications),

        // Modules: Event context
        endpoint_json(messages::context),

        // Modules: OpenID
        endpoint(openid::issue),

        // Modules: Reporting content
        endpoint(reports::room),
        endpoint(reports::event),
        endpoint(reports::user),

        // Modules: Room tagging
        endpoint_json(account_data::tags),
        endpoint(account_data::set_tag),
        endpoint(account_data::delete_tag),

        // Modules: Third-party networks
        endpoint_json(third_party::protocols),
        endpoint_json(third_party::protocol),
        endpoint_json(third_party::locations),
        endpoint_json(third_party::users),
        endpoint_json(third_party::locations_of_alias),
        endpoint_json(third_party::users_of_id),

        // Modules: Room upgrades
        endpoint(rooms::upgrade),

        // Modules: Spaces
        endpoint_json(directory::hierarchy),

        // Modules: Mutual rooms
        endpoint(membership::mutual_rooms).also("/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms"),

        // Modules: Voice over IP
        endpoint_json(voip::turn_server),

        // Modules: Server side search
        endpoint_json(search::search),

        // Modules: Threading
        endpoint_json(relations::threads),

        // Application services
        endpoint(appservices::ping),
        endpoint(appservices::set_room_visibility),

        // Administration that the specification does not have
        endpoint_json(second_factor::look),
        endpoint_json(second_factor::reset),
    ]
}

/// Adds the paths on which the state key is left out, because it is empty.
fn without_state_key(route: Route) -> Route {
    ["v3", "r0"].into_iter().fold(route, |route, version| {
        let path = format!("/_matrix/client/{version}/rooms/{{room_id}}/state/{{event_type}}");
        route.also(&path).also(&format!("{path}/"))
    })
}
