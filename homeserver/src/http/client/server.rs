//! What the server is and can: versions, capabilities, well-known files.

use ruma::api::client::discovery::get_supported_versions;

use crate::{App, Result, http::endpoint::Ruma};

/// The versions of the specification whose endpoints are here.
const VERSIONS: [&str; 24] = [
    "r0.0.1", "r0.1.0", "r0.2.0", "r0.3.0", "r0.4.0", "r0.5.0", "r0.6.0", "r0.6.1", "v1.1", "v1.2", "v1.3", "v1.4",
    "v1.5", "v1.6", "v1.7", "v1.8", "v1.9", "v1.10", "v1.11", "v1.12", "v1.13", "v1.14", "v1.15", "v1.16",
];

/// `GET /_matrix/client/versions`
pub async fn versions(_: App, _: Ruma<get_supported_versions::Request>) -> Result<get_supported_versions::Response> {
    Ok(get_supported_versions::Response::new(VERSIONS.map(ToOwned::to_owned).to_vec()))
}
