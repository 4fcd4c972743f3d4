//! Lets applications in by OAuth 2.0: they send their user to the pages of this server and get tokens,
//! never a password. Client-server API, "OAuth 2.0 API".

mod authorization;
mod clients;
mod device_grants;
mod exchange;
mod fault;
mod metadata;
mod pkce;
mod redirect_uris;
mod resets;
mod revocation;
mod scope;

use url::Url;

pub use self::{
    authorization::{Authorization, Parameters, Return, Verdict},
    clients::{Client, ClientMetadata},
    device_grants::{DeviceCodes, WaitingDevice},
    exchange::TokenAnswer,
    fault::{Fault, FaultKind, Outcome},
};
use super::{Parts, emails::Emails, sessions::Sessions};
use crate::{audit::Audit, clock::Clock, secrets::Secrets, storage::Storage};

/// OAuth at this server.
#[derive(Clone, Debug)]
pub struct OAuth {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    audit: Audit,
    emails: Emails,
    sessions: Sessions,
    /// The URL that clients reach this server at, with a slash at its end; none if OAuth is not served.
    base: Option<Url>,
    /// Whether applications that are being developed may be on the developer's machine.
    allows_local_clients: bool,
}

impl OAuth {
    /// OAuth as configured.
    pub fn new(parts: &Parts<'_>, sessions: Sessions, emails: Emails) -> Self {
        Self {
            storage: parts.storage.clone(),
            secrets: parts.secrets.clone(),
            clock: parts.clock.clone(),
            audit: parts.audit.clone(),
            emails,
            sessions,
            base: parts.oauth_base.clone(),
            allows_local_clients: parts.oauth.allow_local_clients,
        }
    }

    /// Whether OAuth is served: clients that learn that it is use nothing else.
    pub fn is_served(&self) -> bool {
        self.base.is_some()
    }
}
