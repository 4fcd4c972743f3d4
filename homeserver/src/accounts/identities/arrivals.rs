//! People whom an identity provider knows and who have no account here yet: what is known of them is kept
//! while they choose a name, for their browser alone.

use super::{Identities, Person};
use crate::{
    Error, Result,
    audit::Origin,
    config::ProvidedAccounts,
    secrets::{self, columns, hex},
    storage::{
        identities::{self as rows, ArrivalRow},
        tokens::TokenHash,
    },
};

/// What tokens of arrivals, and browsers, are hashed for.
const ARRIVAL: &str = "identity arrival";
const VISITOR: &str = "identity visitor";
/// How long somebody may take to choose a name, in milliseconds.
const LIFETIME_MS: i64 = 30 * 60 * 1000;

/// Somebody who may make an account.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// By which the browser knows it.
    pub token: String,
    /// What is known of them.
    pub person: Person,
    /// What their provider is called.
    pub provider: String,
    /// Whether the name that is suggested is the one that they get.
    pub has_fixed_localpart: bool,
    /// Where they go afterwards.
    pub next: String,
    hash: TokenHash,
}

impl Identities {
    /// The hash of a browser's name, by which it is recognised.
    pub fn visitor_hash(&self, visitor: &str) -> TokenHash {
        self.secrets.hash(VISITOR, visitor)
    }

    /// Keeps what is known of somebody who opens no account, if they may make one; returns a token.
    pub(super) async fn keep(&self, person: &Person, visitor: &str, next: &str) -> Result<String> {
        if self.provider(&person.provider_id)?.accounts == ProvidedAccounts::Link {
            let message = "This opens no account here. Sign in with your password, then link it on your account page.";
            return Err(Error::forbidden(message));
        }
        let token = secrets::token("");
        let hash = self.secrets.hash(ARRIVAL, &token);
        let plain = serde_json::to_vec(person).map_err(|fault| Error::internal(fault.to_string()))?;
        let row = ArrivalRow {
            visitor_hash: self.visitor_hash(visitor),
            person: self.secrets.seal(&columns::ARRIVAL, &[&hex(&hash)], &plain),
            next: next.to_owned(),
            expires_at: self.clock.now_ms() + LIFETIME_MS,
        };
        rows::insert_arrival(&mut *self.storage.conn().await?, &hash, &row).await?;
        Ok(token)
    }

    /// The arrival with this token, for the browser that it is kept for.
    pub async fn arrival(&self, token: &str, visitor: &str) -> Result<Arrival> {
        let hash = self.secrets.hash(ARRIVAL, token);
        let row = rows::find_arrival(&mut *self.storage.conn().await?, &hash, self.clock.now_ms()).await?;
        let row = row.filter(|row| row.visitor_hash == self.visitor_hash(visitor)).ok_or_else(too_late)?;
        let plain = self.secrets.open(&columns::ARRIVAL, &[&hex(&hash)], &row.person)?;
        let person: Person = serde_json::from_slice(&plain).map_err(|fault| Error::internal(fault.to_string()))?;
        let provider = self.provider(&person.provider_id)?;
        Ok(Arrival {
            token: token.to_owned(),
            provider: provider.name.clone(),
            has_fixed_localpart: provider.fixed_localparts,
            next: row.next,
            person,
            hash,
        })
    }

    /// Makes an account called `name` that the identity opens; returns the token of its first session on
    /// the pages.
    pub async fn make_account(&self, arrival: &Arrival, name: &str, origin: &Origin) -> Result<String> {
        let person = &arrival.person;
        let name = match (&person.localpart, arrival.has_fixed_localpart) {
            (Some(fixed), true) => fixed,
            (None, true) => return Err(Error::forbidden("This account has no name that could be used here.")),
            (_, false) => name,
        };
        let user = self.registration.by_identity(name, person, self.row(person)?, origin).await?;
        rows::delete_arrival(&mut *self.storage.conn().await?, &arrival.hash).await?;
        let provider = self.provider(&person.provider_id)?;
        let (token, _) = self.browser_sessions.sign_in_by_provider(user, provider, origin, None).await?;
        Ok(token)
    }
}

fn too_late() -> Error {
    Error::not_found("This took too long, or was begun in another browser. Begin again.")
}
