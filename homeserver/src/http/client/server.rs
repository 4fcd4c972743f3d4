//! What the server is and can: versions, capabilities, well-known files.

use std::collections::BTreeMap;

use ruma::{
    RoomVersionId,
    api::client::discovery::{
        discover_homeserver::{self, HomeserverInfo, IdentityServerInfo},
        discover_support::{self, Contact},
        get_capabilities::v3::{
            self as get_capabilities, AccountModerationCapability, Capabilities, GetLoginTokenCapability,
            ProfileFieldsCapability, RoomVersionStability, RoomVersionsCapability,
        },
        get_supported_versions,
    },
};
use serde_json::json;
use url::Url;

use crate::{App, Error, Result, http::endpoint::Ruma, storage::session_origins::SessionKind};

/// The versions of the specification whose endpoints are here.
const VERSIONS: [&str; 24] = [
    "r0.0.1", "r0.1.0", "r0.2.0", "r0.3.0", "r0.4.0", "r0.5.0", "r0.6.0", "r0.6.1", "v1.1", "v1.2", "v1.3", "v1.4",
    "v1.5", "v1.6", "v1.7", "v1.8", "v1.9", "v1.10", "v1.11", "v1.12", "v1.13", "v1.14", "v1.15", "v1.16",
];

/// What is here under names that are not, or were not yet, in the specification.
const UNSTABLE_FEATURES: [&str; 4] =
    ["org.matrix.msc3391", "uk.tcpip.msc4133", "uk.tcpip.msc4133.stable", "uk.timedout.msc4323"];

/// `GET /_matrix/client/versions`
pub(super) async fn versions(
    _: App,
    _: Ruma<get_supported_versions::Request>,
) -> Result<get_supported_versions::Response> {
    let mut response = get_supported_versions::Response::new(VERSIONS.map(ToOwned::to_owned).to_vec());
    response.unstable_features = UNSTABLE_FEATURES.into_iter().map(|name| (name.to_owned(), true)).collect();
    Ok(response)
}

/// `GET /_matrix/client/v3/capabilities`
pub(super) async fn capabilities(app: App, req: Ruma<get_capabilities::Request>) -> Result<String> {
    let mut capabilities = Capabilities::new();
    capabilities.room_versions = RoomVersionsCapability::new(app.config.rooms.default_version.clone(), room_versions());
    // What needs user-interactive authentication is for those sessions alone that have it.
    let may_confirm = !matches!(req.caller.session, SessionKind::OAuth | SessionKind::PersonalToken);
    capabilities.get_login_token = GetLoginTokenCapability::new(may_confirm);
    capabilities.profile_fields = Some(ProfileFieldsCapability::new(true));
    if req.caller.is_admin {
        capabilities.account_moderation = AccountModerationCapability::new(true, true);
    }
    // ruma leaves out what clients should assume anyway, but not all of them do.
    let mut capabilities = serde_json::to_value(capabilities).map_err(|fault| Error::internal(fault.to_string()))?;
    for name in ["m.set_displayname", "m.set_avatar_url"] {
        capabilities[name] = json!({ "enabled": true });
    }
    // Client-server API, "Account management": clients that log in by OAuth leave it to the account page.
    capabilities["m.change_password"] = json!({ "enabled": may_confirm });
    capabilities["m.get_login_token"] = json!({ "enabled": may_confirm });
    capabilities["m.3pid_changes"] = json!({ "enabled": app.accounts.emails.are_possible() && may_confirm });
    Ok(json!({ "capabilities": capabilities }).to_string())
}

fn room_versions() -> BTreeMap<RoomVersionId, RoomVersionStability> {
    use RoomVersionId::{V1, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12};
    let versions = [V1, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12];
    versions.into_iter().map(|version| (version, RoomVersionStability::Stable)).collect()
}

/// `GET /.well-known/matrix/client`
pub(super) async fn well_known_client(
    app: App,
    _: Ruma<discover_homeserver::Request>,
) -> Result<discover_homeserver::Response> {
    let discovery = &app.config.discovery;
    // Who reads this file has found this server under its name.
    let url = match &discovery.client_url {
        Some(url) => plain(url),
        None => format!("https://{}", app.config.server.name),
    };
    let mut response = discover_homeserver::Response::new(HomeserverInfo::new(url));
    response.identity_server = discovery.identity_server_url.as_ref().map(plain).map(IdentityServerInfo::new);
    Ok(response)
}

/// `GET /.well-known/matrix/support`
pub(super) async fn well_known_support(
    app: App,
    _: Ruma<discover_support::Request>,
) -> Result<discover_support::Response> {
    let discovery = &app.config.discovery;
    if discovery.contacts.is_empty() && discovery.support_page.is_none() {
        return Err(Error::not_found("Nobody to turn to is configured."));
    }
    let contact = |contact: &crate::config::Contact| {
        let mut answer = match &contact.matrix_id {
            Some(matrix_id) => Contact::with_matrix_id(contact.role.as_str().into(), matrix_id.clone()),
            None => Contact::with_email_address(contact.role.as_str().into(), String::new()),
        };
        answer.email_address.clone_from(&contact.email_address);
        answer
    };
    let mut response = discover_support::Response::with_contacts(discovery.contacts.iter().map(contact).collect());
    response.support_page = discovery.support_page.as_ref().map(ToString::to_string);
    Ok(response)
}

/// Clients add paths to URLs.
fn plain(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}
