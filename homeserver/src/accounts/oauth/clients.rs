//! Applications register themselves. RFC 7591; client-server API, "Client registration".

use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    Fault, FaultKind, OAuth, Outcome,
    redirect_uris::{self, ApplicationType},
};
use crate::{Error, Result, secrets, storage::oauth::clients as rows};

/// The ways in which applications get tokens here.
pub(super) const CODE: &str = "authorization_code";
/// The same for later tokens.
pub(super) const REFRESH: &str = "refresh_token";
/// The same for devices without a browser.
pub(super) const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Most addresses that one application may come back to.
const MOST_URIS: usize = 20;
/// Most bytes of an address.
const LONGEST_URI: usize = 2048;
/// Most characters of an application's name.
const LONGEST_NAME: usize = 100;

/// What an application says of itself. Members that are not known here are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the specification describes them")]
pub struct ClientMetadata {
    pub client_uri: Url,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    #[serde(default = "default_response_types")]
    pub response_types: Vec<String>,
    #[serde(default = "default_grant_types")]
    pub grant_types: Vec<String>,
    #[serde(default = "default_auth_method")]
    pub token_endpoint_auth_method: String,
    #[serde(default)]
    pub application_type: ApplicationType,
}

fn default_response_types() -> Vec<String> {
    vec!["code".to_owned()]
}

fn default_grant_types() -> Vec<String> {
    vec![CODE.to_owned()]
}

fn default_auth_method() -> String {
    "none".to_owned()
}

/// A registered application.
#[derive(Clone, Debug)]
pub struct Client {
    /// What it is known by.
    pub id: String,
    /// What it said of itself.
    pub metadata: ClientMetadata,
}

impl Client {
    /// What people are told it is called.
    pub fn name(&self) -> &str {
        let host = self.metadata.client_uri.host_str().unwrap_or_default();
        self.metadata.client_name.as_deref().unwrap_or(host)
    }

    pub(super) fn may_use(&self, grant_type: &str) -> bool {
        self.metadata.grant_types.iter().any(|of| of == grant_type)
    }
}

impl OAuth {
    /// Registers an application by its metadata as JSON. The same metadata give the same client.
    pub async fn register(&self, json: &[u8]) -> Outcome<Client> {
        let malformed =
            |fault| Fault::refused(FaultKind::InvalidClientMetadata, format!("The metadata are malformed: {fault}."));
        let metadata = checked(serde_json::from_slice(json).map_err(malformed)?, self.allows_local_clients)?;
        let canonical = serde_json::to_string(&metadata).map_err(|fault| Error::internal(fault.to_string()))?;
        let hash = self.secrets.hash("oauth client", &canonical);
        let id = secrets::encoded(&hash[..16]);
        rows::upsert(&mut *self.storage.conn().await?, &id, &canonical, self.clock.now_ms()).await?;
        Ok(Client { id, metadata })
    }

    /// Finds a registered application.
    pub async fn client(&self, id: &str) -> Result<Option<Client>> {
        let found = rows::find(&mut *self.storage.conn().await?, id).await?;
        found.map(|metadata| Ok(Client { id: id.to_owned(), metadata: stored(&metadata)? })).transpose()
    }
}

/// Stored metadata.
pub(super) fn stored(json: &str) -> Result<ClientMetadata> {
    serde_json::from_str(json).map_err(|fault| Error::internal(format!("stored metadata are unreadable: {fault}")))
}

/// What of `metadata` can be registered, if anything.
fn checked(mut metadata: ClientMetadata, allows_local_clients: bool) -> Outcome<ClientMetadata> {
    let invalid = |message: &'static str| Err(Fault::refused(FaultKind::InvalidClientMetadata, message));
    let client_uri = metadata.client_uri.clone();
    let is_local = allows_local_clients && redirect_uris::is_loopback(&client_uri);
    if !is_plain(&client_uri) || !(client_uri.scheme() == "https" || is_local) {
        return invalid("The client_uri must be an https URL without a user name.");
    }
    if metadata.token_endpoint_auth_method != "none" {
        return invalid("The only token_endpoint_auth_method is none.");
    }
    metadata.grant_types.retain(|grant_type| [CODE, REFRESH, DEVICE].contains(&grant_type.as_str()));
    metadata.response_types.retain(|response_type| response_type == "code");
    let uses_codes = metadata.grant_types.iter().any(|of| of == CODE);
    if !uses_codes && !metadata.grant_types.iter().any(|of| of == DEVICE) {
        return invalid("None of the grant_types is supported here.");
    }
    if uses_codes && metadata.response_types.is_empty() {
        return invalid("The response_types must include code.");
    }
    if let Some(name) = &mut metadata.client_name {
        *name = name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect::<String>().trim().to_owned();
    }
    metadata.client_name = metadata.client_name.filter(|name| !name.is_empty());
    // Links to other sites are not shown, so they are not kept either.
    for link in [&mut metadata.logo_uri, &mut metadata.tos_uri, &mut metadata.policy_uri] {
        *link = link.take().filter(|link| is_link(link, &client_uri));
    }
    check_redirect_uris(&metadata, uses_codes, allows_local_clients)?;
    Ok(metadata)
}

fn check_redirect_uris(metadata: &ClientMetadata, uses_codes: bool, allows_local_clients: bool) -> Outcome<()> {
    let uris = &metadata.redirect_uris;
    if uris.len() > MOST_URIS || (uses_codes && uris.is_empty()) {
        let message = format!("There must be 1 to {MOST_URIS} redirect_uris.");
        return Err(Fault::refused(FaultKind::InvalidRedirectUri, message));
    }
    let is_allowed = |uri: &&String| {
        let kind = metadata.application_type;
        uri.len() <= LONGEST_URI && redirect_uris::is_allowed(uri, kind, &metadata.client_uri, allows_local_clients)
    };
    match uris.iter().find(|uri| !is_allowed(uri)) {
        None => Ok(()),
        Some(uri) => Err(Fault::refused(
            FaultKind::InvalidRedirectUri,
            format!("An application of this type and client_uri cannot use {uri:?}."),
        )),
    }
}

fn is_plain(url: &Url) -> bool {
    url.has_host() && url.username().is_empty() && url.password().is_none() && url.as_str().len() <= LONGEST_URI
}

fn is_link(text: &str, client_uri: &Url) -> bool {
    Url::parse(text)
        .is_ok_and(|url| url.scheme() == "https" && is_plain(&url) && redirect_uris::is_within(&url, client_uri))
}
