//! Sends people to identity providers elsewhere and takes them back. OpenID Connect Core 1.0, "Authentication
//! using the Authorization Code Flow", with PKCE (RFC 7636) and against mix-ups (RFC 9207).

mod claims;
mod provider;

use std::sync::Arc;

use tracing::{debug, warn};
use url::Url;

use self::provider::{Doubt, Fault, Provider, Trip};
use super::outgoing::Outgoing;
use crate::{
    Error, Result,
    accounts::identities::{Browser, Identities, Outcome, Purpose},
    audit::{Action, Audit, Event},
    clock::Clock,
    config::Config,
    secrets::{self, Secrets},
    storage::{
        Storage,
        identities::{self as rows, TripRow},
    },
};

/// What states are hashed for, and what is made from them that only this server can know.
const STATE: &str = "identity state";
const NONCE: &str = "identity nonce";
const VERIFIER: &str = "identity verifier";
/// How long somebody may stay there, in milliseconds.
const LIFETIME_MS: i64 = 30 * 60 * 1000;

/// The ways to all identity providers; clones share what is known of them.
#[derive(Clone, Debug)]
pub struct IdentityProviders {
    providers: Arc<[Provider]>,
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    audit: Audit,
    identities: Identities,
}

/// What somebody comes back with. OpenID Connect Core, "Successful Authentication Response" and
/// "Authentication Error Response".
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the parameters of the response")]
pub struct Return<'a> {
    pub state: &'a str,
    pub code: Option<&'a str>,
    pub error: Option<&'a str>,
    pub iss: Option<&'a str>,
}

impl IdentityProviders {
    /// The ways to the providers of `config`.
    pub fn new(
        config: &Config,
        storage: Storage,
        secrets: Secrets,
        clock: Clock,
        audit: Audit,
        identities: Identities,
    ) -> Result<Self> {
        let outgoing = Outgoing::to_chosen_addresses(&config.outgoing)?;
        let base = config.base_url();
        let provider = |rules| Provider::new(rules, &base, outgoing.clone(), clock.clone());
        let providers: Vec<_> = identities.providers().iter().map(provider).collect::<Result<_>>()?;
        Ok(Self { providers: providers.into(), storage, secrets, clock, audit, identities })
    }

    /// Where somebody signs in at the provider `id`, for `purpose`, to come back in the same browser and go
    /// on with the page `next`.
    pub async fn begin(&self, id: &str, purpose: Purpose, visitor: &str, next: &str) -> Result<Url> {
        let provider = self.find(id)?;
        let state = secrets::token("");
        let url = match provider.address(&self.trip(&state, purpose, self.clock.now_ms())).await {
            Ok(url) => url,
            Err(fault) => return Err(self.refusal(provider, fault)),
        };
        let now_ms = self.clock.now_ms();
        let row = TripRow {
            provider_id: id.to_owned(),
            visitor_hash: self.identities.visitor_hash(visitor),
            purpose,
            next: next.to_owned(),
            began_at: now_ms,
            expires_at: now_ms + LIFETIME_MS,
        };
        rows::insert_trip(&mut *self.storage.conn().await?, &self.secrets.hash(STATE, &state), &row).await?;
        Ok(url)
    }

    /// Takes somebody back from the provider `id`: what came of it, and the page to go on with.
    pub async fn finish(&self, id: &str, back: Return<'_>, browser: Browser<'_>) -> Result<(Outcome, String)> {
        let provider = self.find(id)?;
        let row = self.take_trip(id, back.state, browser.visitor).await?;
        let failed = |reason| {
            let event = Event::new(Action::SignIn, browser.origin).failed(reason).detail("method", "provider");
            self.audit.record(event.detail("provider", id));
        };
        let code = match (back.error, back.code) {
            (None, Some(code)) => code,
            (error, _) => {
                debug!(provider.id = id, error, "An identity provider sent somebody back without a code");
                failed("refused_by_provider");
                return Err(Error::forbidden("You were not signed in there. Begin again, or sign in in another way."));
            }
        };
        let trip = self.trip(back.state, row.purpose, row.began_at);
        let person = match provider.person(&trip, code, back.iss).await {
            Ok(person) => person,
            Err(fault) => {
                if let Fault::Doubtful(doubt) = &fault {
                    failed(doubt.reason());
                }
                return Err(self.refusal(provider, fault));
            }
        };
        let outcome = self.identities.arrive(&person, row.purpose, &row.next, browser).await?;
        Ok((outcome, row.next))
    }

    /// Whom this browser sent to the provider. Each state is good once, for one browser and one provider.
    async fn take_trip(&self, id: &str, state: &str, visitor: &str) -> Result<TripRow> {
        let hash = self.secrets.hash(STATE, state);
        let mut conn = self.storage.conn().await?;
        let row = rows::find_trip(&mut conn, &hash, self.clock.now_ms()).await?;
        let is_ours =
            |row: &TripRow| row.provider_id == id && row.visitor_hash == self.identities.visitor_hash(visitor);
        match row.filter(is_ours) {
            Some(row) if rows::delete_trip(&mut conn, &hash).await? => Ok(row),
            _ => Err(Error::not_found("This took too long, or was begun in another browser. Begin again.")),
        }
    }

    /// What the nonce and the verifier are is known from the state alone, and to nobody but this server.
    fn trip(&self, state: &str, purpose: Purpose, began_at: i64) -> Trip {
        Trip {
            state: state.to_owned(),
            nonce: secrets::encoded(&self.secrets.hash(NONCE, state)),
            verifier: secrets::encoded(&self.secrets.hash(VERIFIER, state)),
            proves_anew: matches!(purpose, Purpose::Again(_)),
            began_at,
        }
    }

    fn find(&self, id: &str) -> Result<&Provider> {
        let found = self.providers.iter().find(|provider| provider.rules().id == id);
        found.ok_or_else(|| Error::not_found("There is no such identity provider."))
    }

    fn refusal(&self, provider: &Provider, fault: Fault) -> Error {
        let id = &provider.rules().id;
        match fault {
            Fault::Away(cause) => Error::Unavailable("The identity provider", cause),
            Fault::BadCode(cause) => {
                debug!(provider.id = id, cause = format!("{cause:#}"), "An identity provider did not take a code");
                Error::forbidden("You were not signed in there. Begin again, or sign in in another way.")
            }
            Fault::Doubtful(Doubt::Weak) => Error::forbidden("You have to sign in there in a safer way."),
            Fault::Doubtful(Doubt::NotAnew) => Error::forbidden("You were not asked there who you are. Begin again."),
            Fault::Doubtful(Doubt::Unproved(cause)) => {
                warn!(provider.id = id, cause, "What an identity provider told of somebody is not proved");
                Error::forbidden("What was told of you there could not be verified.")
            }
        }
    }
}
