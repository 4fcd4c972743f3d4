//! Accounts at identity providers elsewhere that open accounts here. What a provider tells of somebody has
//! been verified when it comes here: see `remote::identity_providers`.
//!
//! An identity is linked to an account when that is made, or by the account's owner; never because a name
//! or an e-mail address is the same.

mod arrivals;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::arrivals::Arrival;
use super::{
    Parts,
    browser_sessions::{BrowserSession, BrowserSessions, Stage},
    emails::{Emails, Notice},
    registration::Registration,
};
use crate::{
    Error, Result,
    audit::{Action, Audit, Event, Origin},
    clock::Clock,
    config::IdentityProvider,
    secrets::{Secrets, columns, hex},
    storage::{
        Storage, accounts, fault,
        identities::{self as rows, IdentityRow},
        numbers::UserNid,
        tokens::TokenHash,
    },
};

pub use crate::storage::identities::Purpose;

/// What identities are hashed for.
const PURPOSE: &str = "identity";
/// Identities of one account, at most.
const MOST: usize = 20;
/// So many characters are kept of what a provider calls somebody.
const LONGEST_LABEL: usize = 200;

/// The identities of all accounts; clones are the same.
#[derive(Clone, Debug)]
pub struct Identities {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    audit: Audit,
    emails: Emails,
    browser_sessions: BrowserSessions,
    registration: Registration,
    providers: Arc<[IdentityProvider]>,
}

/// Somebody as an identity provider knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The provider's name here.
    pub provider_id: String,
    /// Its issuer.
    pub issuer: String,
    /// What it knows them by, for ever.
    pub subject: String,
    /// The user name that it suggests.
    pub localpart: Option<String>,
    /// What they are called.
    pub display_name: Option<String>,
    /// The e-mail address that it has proved to be theirs, in its canonical form.
    pub email: Option<String>,
    /// What they recognise their account there by.
    pub label: String,
}

/// The browser in which somebody comes back.
#[derive(Clone, Copy, Debug)]
pub struct Browser<'a> {
    /// Its name.
    pub visitor: &'a str,
    /// From where.
    pub origin: &'a Origin,
    /// Its session, which may be halfway.
    pub session: Option<&'a BrowserSession>,
}

/// What came of somebody's coming back from an identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They are signed in, by a session with this token.
    SignedIn(String),
    /// The second factor is awaited, in a session with this token.
    AwaitsCode(String),
    /// The identity opens the account from now on.
    Linked,
    /// There is no account yet; what is known of them is kept under this token while they choose a name.
    Arrives(String),
}

/// An identity, for its owner to see.
#[derive(Clone, Debug)]
pub struct Identity {
    /// By which its owner unlinks it.
    pub id: String,
    /// What its provider is called, or the issuer of one that is not used any more.
    pub provider: String,
    /// What the provider calls its owner.
    pub label: String,
    /// When it was linked, in ms since the epoch.
    pub created_at_ms: i64,
    /// When it was last used.
    pub used_at_ms: i64,
}

/// What is stored of an identity, encrypted.
#[derive(Serialize, Deserialize)]
struct About {
    subject: String,
    label: String,
}

impl Identities {
    /// The identities of accounts in the storage of `parts`.
    pub fn new(
        parts: &Parts<'_>,
        emails: Emails,
        browser_sessions: BrowserSessions,
        registration: Registration,
    ) -> Self {
        Self {
            storage: parts.storage.clone(),
            secrets: parts.secrets.clone(),
            clock: parts.clock.clone(),
            audit: parts.audit.clone(),
            emails,
            browser_sessions,
            registration,
            providers: parts.identity_providers.into(),
        }
    }

    /// The providers at which people may sign in.
    pub fn providers(&self) -> &[IdentityProvider] {
        &self.providers
    }

    /// The provider with this name.
    pub fn provider(&self, id: &str) -> Result<&IdentityProvider> {
        let found = self.providers.iter().find(|provider| provider.id == id);
        found.ok_or_else(|| Error::not_found("There is no such identity provider."))
    }

    /// Lets somebody whom a provider knows do what they went there for, to go on with the page `next`.
    pub async fn arrive(&self, person: &Person, purpose: Purpose, next: &str, browser: Browser<'_>) -> Result<Outcome> {
        let provider = self.provider(&person.provider_id)?;
        let hash = self.hash(person);
        let owner = rows::find_owner(&mut *self.storage.conn().await?, &hash).await?;
        let owner = match (purpose, owner) {
            (Purpose::Link(user), _) => {
                self.link(user, person, browser.session).await?;
                return Ok(Outcome::Linked);
            }
            (Purpose::SignIn, None) => return Ok(Outcome::Arrives(self.keep(person, browser.visitor, next).await?)),
            (Purpose::SignIn, Some(owner)) => owner,
            (Purpose::Again(user), Some(owner)) if owner == user => owner,
            (Purpose::Again(_), _) => {
                let message = "You signed in there as somebody else than the owner of this account.";
                return Err(Error::forbidden(message));
            }
        };
        let about = self.sealed(person, &hash)?;
        rows::update_used(&mut *self.storage.conn().await?, &hash, &about, self.clock.now_ms()).await?;
        let sessions = &self.browser_sessions;
        Ok(match sessions.sign_in_by_provider(owner, provider, browser.origin, browser.session).await? {
            (token, Stage::SignedIn) => Outcome::SignedIn(token),
            (token, Stage::Password) => Outcome::AwaitsCode(token),
        })
    }

    /// The identities that open a user's account, the oldest first.
    pub async fn list(&self, user: UserNid) -> Result<Vec<Identity>> {
        let rows = rows::list(&mut *self.storage.conn().await?, user).await?;
        let identity = |row: IdentityRow| {
            let id = hex(&row.identity_hash);
            let about = self.secrets.open_text(&columns::IDENTITY, &[&id], &row.about)?;
            let about: About = serde_json::from_str(&about).map_err(|fault| Error::internal(fault.to_string()))?;
            let provider = self.of_issuer(&row.issuer).map(|provider| provider.name.clone());
            Ok(Identity {
                id,
                provider: provider.unwrap_or(row.issuer),
                label: about.label,
                created_at_ms: row.created_at,
                used_at_ms: row.used_at,
            })
        };
        rows.into_iter().map(identity).collect()
    }

    /// The identities that open a user's account: the ID of the provider, or the issuer of one that is not used
    /// any more, and what it knows the user as.
    pub async fn subjects(&self, user: UserNid) -> Result<Vec<(String, String)>> {
        let rows = rows::list(&mut *self.storage.conn().await?, user).await?;
        let subject = |row: IdentityRow| {
            let about = self.secrets.open_text(&columns::IDENTITY, &[&hex(&row.identity_hash)], &row.about)?;
            let about: About = serde_json::from_str(&about).map_err(|fault| Error::internal(fault.to_string()))?;
            let provider = self.of_issuer(&row.issuer).map(|provider| provider.id.clone());
            Ok((provider.unwrap_or(row.issuer), about.subject))
        };
        rows.into_iter().map(subject).collect()
    }

    /// Whose account an identity opens, that the provider `provider_id` knows as `subject`.
    pub async fn find_owner(&self, provider_id: &str, subject: &str) -> Result<UserNid> {
        let provider = self.provider(provider_id)?;
        let hash = self.secrets.hash(PURPOSE, &format!("{}\n{subject}", provider.issuer));
        let owner = rows::find_owner(&mut *self.storage.conn().await?, &hash).await?;
        owner.ok_or_else(|| Error::not_found("This identity opens no account."))
    }

    /// The providers at which a user can prove anew to be present.
    pub async fn providers_of(&self, user: UserNid) -> Result<Vec<&IdentityProvider>> {
        let rows = rows::list(&mut *self.storage.conn().await?, user).await?;
        let is_linked = |provider: &&IdentityProvider| rows.iter().any(|row| row.issuer == provider.issuer);
        Ok(self.providers.iter().filter(is_linked).collect())
    }

    /// Unlinks an identity from the account of who is signed in, unless nothing else would open it.
    pub async fn unlink(&self, by: &BrowserSession, id: &str) -> Result<()> {
        let (user, event) = (by.user.nid, Event::new(Action::IdentityUnlinked, by).on(&by.user.id));
        let provider = self
            .storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                // Two that are unlinked at the same time would each take the other for a way in.
                accounts::lock_for_update(&mut tx, user).await?;
                let has_password = accounts::lock_shared(&mut tx, user).await?.is_some_and(|(hash, _)| hash.is_some());
                let (gone, others): (Vec<_>, Vec<_>) =
                    rows::list(&mut tx, user).await?.into_iter().partition(|row| hex(&row.identity_hash) == id);
                let gone =
                    gone.into_iter().next().ok_or_else(|| Error::not_found("There is no such linked account."))?;
                if !has_password && !others.iter().any(|row| self.of_issuer(&row.issuer).is_some()) {
                    let message = "Nothing else opens your account. Set a password first, or link another account.";
                    return Err(Error::forbidden(message));
                }
                rows::delete(&mut tx, user, &gone.identity_hash).await?;
                let provider = self.of_issuer(&gone.issuer).map_or(gone.issuer.clone(), |provider| provider.id.clone());
                self.audit.append(&mut tx, [event.clone().detail("provider", provider.as_str())]).await?;
                tx.commit().await?;
                Ok(self.of_issuer(&gone.issuer).map_or(gone.issuer, |provider| provider.name.clone()))
            })
            .await?;
        self.emails.notify(user, &by.user.id, Notice::IdentityUnlinked(&provider)).await;
        Ok(())
    }

    /// Links an identity to the account of `user`, who is signed in and has proved that a moment ago.
    async fn link(&self, user: UserNid, person: &Person, by: Option<&BrowserSession>) -> Result<()> {
        let by = by.filter(|session| session.user.nid == user && session.stage == Stage::SignedIn);
        let Some(by) = by.filter(|session| self.browser_sessions.is_fresh(session)) else {
            return Err(Error::forbidden("This took too long. Begin again."));
        };
        let event = Event::new(Action::IdentityLinked, by).on(&by.user.id);
        let event = event.detail("provider", person.provider_id.as_str()).private("label", person.label.as_str());
        let row = self.row(person)?;
        let attempt = || async {
            let mut tx = self.storage.begin().await?;
            accounts::lock_for_update(&mut tx, user).await?;
            if rows::find_owner(&mut tx, &row.identity_hash).await? == Some(user) {
                return Ok(false);
            }
            if rows::list(&mut tx, user).await?.len() >= MOST {
                return Err(Error::forbidden("This account has too many linked accounts."));
            }
            rows::insert(&mut tx, user, &row).await?;
            self.audit.append(&mut tx, [event.clone()]).await?;
            tx.commit().await?;
            Ok(true)
        };
        match self.storage.retry(attempt).await {
            Err(error) if fault::is_duplicate(&error) => {
                Err(Error::forbidden("That account opens another account here already."))
            }
            Ok(true) => {
                let provider = self.provider(&person.provider_id)?;
                self.emails.notify(user, &by.user.id, Notice::IdentityLinked(&provider.name)).await;
                Ok(())
            }
            outcome => outcome.map(drop),
        }
    }

    fn of_issuer(&self, issuer: &str) -> Option<&IdentityProvider> {
        self.providers.iter().find(|provider| provider.issuer == issuer)
    }

    /// The hash by which an identity is found.
    fn hash(&self, person: &Person) -> TokenHash {
        self.secrets.hash(PURPOSE, &format!("{}\n{}", person.issuer, person.subject))
    }

    fn row(&self, person: &Person) -> Result<IdentityRow> {
        let (identity_hash, now_ms) = (self.hash(person), self.clock.now_ms());
        Ok(IdentityRow {
            identity_hash,
            issuer: person.issuer.clone(),
            about: self.sealed(person, &identity_hash)?,
            used_at: now_ms,
            created_at: now_ms,
        })
    }

    fn sealed(&self, person: &Person, hash: &TokenHash) -> Result<Vec<u8>> {
        let label = person.label.chars().take(LONGEST_LABEL).collect();
        let about = About { subject: person.subject.clone(), label };
        let about = serde_json::to_vec(&about).map_err(|fault| Error::internal(fault.to_string()))?;
        Ok(self.secrets.seal(&columns::IDENTITY, &[&hex(hash)], &about))
    }
}
