//! The administration API of Synapse, as far as the programs that people use for moderating servers call
//! it: see `docs/administration.md`. Only server administrators come in here.

mod call;
mod devices;
mod history;
mod media;
mod members;
mod notices;
mod redactions;
mod registration;
mod registration_tokens;
mod reports;
mod rooms;
mod shutdowns;
mod statistics;
mod tasks;
mod things;
mod users;
mod whois;

use std::future::Future;

use http::Method;
use serde::Serialize;

use self::call::Call;
use super::endpoint::{HttpAnswer, Route, custom, json_answer};
use crate::{App, Error, Result};

/// All endpoints.
#[rustfmt::skip]
pub fn routes() -> Vec<Route> {
    vec![
        route(Method::GET, "/v1/server_version", version),

        // Registration by scripts, who need no token but the shared secret
        custom(Method::GET, &[&path("/v1/register")], registration::nonce),
        custom(Method::POST, &[&path("/v1/register")], registration::register),

        // Users
        route(Method::GET, "/v2/users", users::list),
        route(Method::GET, "/v3/users", users::list),
        route(Method::GET, "/v2/users/{user_id}", users::find),
        custom(Method::PUT, &[&path("/v2/users/{user_id}")], users::put),
        route(Method::GET, "/v1/users/{user_id}/admin", users::is_admin),
        route(Method::PUT, "/v1/users/{user_id}/admin", users::set_admin),
        route(Method::POST, "/v1/deactivate/{user_id}", users::deactivate),
        route(Method::PUT, "/v1/suspend/{user_id}", users::suspend),
        route(Method::POST, "/v1/reset_password/{user_id}", users::reset_password),
        route(Method::POST, "/v1/users/{user_id}/shadow_ban", users::shadow_ban),
        route(Method::DELETE, "/v1/users/{user_id}/shadow_ban", users::lift_shadow_ban),
        route(Method::GET, "/v1/users/{user_id}/override_ratelimit", users::pace),
        route(Method::POST, "/v1/users/{user_id}/override_ratelimit", users::set_pace),
        route(Method::DELETE, "/v1/users/{user_id}/override_ratelimit", users::delete_pace),
        route(Method::GET, "/v1/whois/{user_id}", whois::whois),
        route(Method::GET, "/v1/username_available", users::is_available),
        route(Method::POST, "/v1/users/{user_id}/login", users::log_in_as),
        route(Method::GET, "/v1/threepid/{medium}/users/{address}", users::of_third_party_id),
        route(Method::GET, "/v1/auth_providers/{provider}/users/{external_id}", users::of_identity),

        // What users have
        route(Method::GET, "/v2/users/{user_id}/devices", devices::list),
        route(Method::POST, "/v2/users/{user_id}/devices", devices::create),
        route(Method::GET, "/v2/users/{user_id}/devices/{device_id}", devices::find),
        route(Method::PUT, "/v2/users/{user_id}/devices/{device_id}", devices::rename),
        route(Method::DELETE, "/v2/users/{user_id}/devices/{device_id}", devices::delete),
        route(Method::POST, "/v2/users/{user_id}/delete_devices", devices::delete_several),
        route(Method::GET, "/v1/users/{user_id}/joined_rooms", things::joined_rooms),
        route(Method::GET, "/v1/users/{user_id}/memberships", things::memberships),
        route(Method::GET, "/v1/users/{user_id}/pushers", things::pushers),
        route(Method::GET, "/v1/users/{user_id}/accountdata", things::account_data),
        route(Method::POST, "/v1/join/{room_id_or_alias}", members::join),

        // Registration tokens
        route(Method::GET, "/v1/registration_tokens", registration_tokens::list),
        route(Method::POST, "/v1/registration_tokens/new", registration_tokens::create),
        route(Method::GET, "/v1/registration_tokens/{token}", registration_tokens::find),
        route(Method::PUT, "/v1/registration_tokens/{token}", registration_tokens::update),
        route(Method::DELETE, "/v1/registration_tokens/{token}", registration_tokens::delete),

        // What users said
        route(Method::POST, "/v1/user/{user_id}/redact", redactions::redact),
        route(Method::GET, "/v1/user/redact_status/{redact_id}", redactions::status),

        // Rooms
        route(Method::GET, "/v1/rooms", rooms::list),
        route(Method::GET, "/v1/rooms/{room_id}", rooms::find),
        route(Method::GET, "/v1/rooms/{room_id}/members", members::list),
        custom(Method::GET, &[&path("/v1/rooms/{room_id}/state")], rooms::state),
        custom(Method::GET, &[&path("/v1/rooms/{room_id}/context/{event_id}")], rooms::context),
        custom(Method::GET, &[&path("/v1/rooms/{room_id}/messages")], rooms::messages),
        route(Method::GET, "/v1/rooms/{room_id}/timestamp_to_event", rooms::event_at),
        custom(Method::GET, &[&path("/v1/rooms/{room_id}/hierarchy")], rooms::hierarchy),
        route(Method::GET, "/v1/rooms/{room_id}/forward_extremities", rooms::ends),
        custom(Method::GET, &[&path("/v1/fetch_event/{event_id}")], rooms::event),
        route(Method::GET, "/v1/rooms/{room_id}/block", rooms::block),
        route(Method::PUT, "/v1/rooms/{room_id}/block", rooms::set_block),
        route(Method::POST, "/v1/rooms/{room_id}/make_room_admin", members::make_room_admin),
        route(Method::DELETE, "/v1/rooms/{room_id}", shutdowns::delete_and_wait),
        route(Method::DELETE, "/v2/rooms/{room_id}", shutdowns::delete),
        route(Method::GET, "/v2/rooms/{room_id}/delete_status", shutdowns::of_room),
        route(Method::GET, "/v2/rooms/delete_status/{delete_id}", shutdowns::status),

        route(Method::POST, "/v1/purge_history/{room_id}", history::purge),
        route(Method::POST, "/v1/purge_history/{room_id}/{event_id}", history::purge),
        route(Method::GET, "/v1/purge_history_status/{purge_id}", history::status),

        // Media
        route(Method::GET, "/v1/users/{user_id}/media", media::of_user),
        route(Method::DELETE, "/v1/users/{user_id}/media", media::delete_of_user),
        route(Method::POST, "/v1/user/{user_id}/media/quarantine", media::quarantine_of_user),
        route(Method::GET, "/v1/room/{room_id}/media", media::of_room),
        route(Method::POST, "/v1/room/{room_id}/media/quarantine", media::quarantine_of_room),
        route(Method::POST, "/v1/media/quarantine/{server_name}/{media_id}", media::quarantine),
        route(Method::POST, "/v1/media/unquarantine/{server_name}/{media_id}", media::end_quarantine),
        route(Method::POST, "/v1/media/protect/{media_id}", media::protect),
        route(Method::POST, "/v1/media/unprotect/{media_id}", media::end_protection),
        route(Method::GET, "/v1/media/{server_name}/{media_id}", media::find),
        route(Method::DELETE, "/v1/media/{server_name}/{media_id}", media::delete),
        route(Method::POST, "/v1/media/delete", media::delete_old),
        route(Method::POST, "/v1/purge_media_cache", media::purge_copies),

        route(Method::GET, "/v1/statistics/users/media", statistics::media),
        route(Method::GET, "/v1/scheduled_tasks", tasks::list),

        // Notices
        route(Method::POST, "/v1/send_server_notice", notices::send),
        route(Method::PUT, "/v1/send_server_notice/{txn_id}", notices::send),

        // Reports
        route(Method::GET, "/v1/event_reports", reports::events),
        route(Method::GET, "/v1/event_reports/{report_id}", reports::event),
        route(Method::DELETE, "/v1/event_reports/{report_id}", reports::dismiss_event),
        route(Method::GET, "/v1/user_reports", reports::users),
        route(Method::GET, "/v1/user_reports/{report_id}", reports::user),
        route(Method::DELETE, "/v1/user_reports/{report_id}", reports::dismiss_user),
    ]
}

fn path(rest: &str) -> String {
    format!("/_synapse/admin{rest}")
}

/// An endpoint for administrators.
fn route<H, F, A>(method: Method, rest: &str, handler: H) -> Route
where
    H: Fn(App, Call) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<A>> + Send,
    A: Serialize + Send,
{
    custom(method, &[&path(rest)], move |app, incoming| async move {
        let call = Call::admit(&app, incoming).await?;
        json(&handler(app, call).await?)
    })
}

fn json(answer: &impl Serialize) -> HttpAnswer {
    json_answer(serde_json::to_string(answer).map_err(|fault| Error::internal(fault.to_string()))?)
}

/// An answer that says nothing.
#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct Version {
    server_version: &'static str,
}

/// `GET /_synapse/admin/v1/server_version`
async fn version(_: App, _: Call) -> Result<Version> {
    Ok(Version { server_version: concat!("Salon ", env!("CARGO_PKG_VERSION")) })
}
