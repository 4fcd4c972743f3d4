//! Proves that somebody has an e-mail address, by a link that is sent there.

use ruma::{ClientSecret, SessionId};
use url::Url;

use super::Emails;
use crate::{
    Error, Result,
    access::{Visitor, email::Email, rate_limits::Action as Limited, ruleset::Place},
    audit::Origin,
    error::ErrorKind,
    mail::{Language, Text, canonical_address},
    secrets::{self, columns},
    storage::{
        emails::{self as rows, ValidationRow},
        fault,
    },
};

/// What client secrets and tokens are hashed for.
const CLIENT_SECRET: &str = "email client secret";
const TOKEN: &str = "email token";
/// How long an attempt may take, in milliseconds.
const LIFETIME_MS: i64 = 24 * 3600 * 1000;
/// Most bytes of a link to go on with.
const LONGEST_LINK: usize = 1024;
/// Characters of an attempt's identifier.
const SID: usize = 32;
/// Where links in messages lead.
pub const PATH: &str = "/_salon/email/confirm";

/// What somebody wants to prove an address for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To register.
    Register = 0,
    /// To choose a new password.
    ResetPassword = 1,
    /// To add it to an account.
    Add = 2,
}

/// An attempt that somebody wants to begin, or to repeat.
#[derive(Clone, Copy, Debug)]
pub struct ValidationRequest<'a> {
    /// What for.
    pub purpose: Purpose,
    /// Which address.
    pub email: &'a str,
    /// What only this client knows.
    pub client_secret: &'a ClientSecret,
    /// A message is sent if this is greater than the last time.
    pub send_attempt: i64,
    /// Where the person wants to go after the confirmation.
    pub next_link: Option<&'a str>,
    /// The language of the message.
    pub language: Language,
    /// Who asks.
    pub origin: &'a Origin,
}

/// An address that somebody has proved to have.
#[derive(Clone, Debug)]
pub struct Proved {
    /// The address in its canonical form.
    pub address: String,
    /// The language in which its owner is written to.
    pub language: Language,
    /// When it was proved, in ms since the epoch.
    pub validated_at: i64,
    /// The attempt that proved it, which is used up; none if somebody else vouches for it.
    pub(super) sid: Option<String>,
}

impl Proved {
    /// An address in its canonical form that somebody else has proved.
    pub fn elsewhere(address: String, language: Language, now_ms: i64) -> Self {
        Self { address, language, validated_at: now_ms, sid: None }
    }
}

impl Emails {
    /// Sends a link to an address; returns the identifier of the attempt.
    pub async fn request(&self, request: ValidationRequest<'_>) -> Result<String> {
        if !self.are_possible() {
            let message = "This server sends no e-mail, so it cannot confirm e-mail addresses.";
            return Err(Error::refused(ErrorKind::ThreepidDenied, message));
        }
        let address =
            canonical_address(request.email).ok_or_else(|| Error::invalid_param("This is not an e-mail address."))?;
        let next_link = request.next_link.filter(|link| link.len() <= LONGEST_LINK && self.is_allowed(link));
        let places: &[Place<'_>] = match request.purpose {
            Purpose::Register => &[Place::Server, Place::Registration],
            Purpose::Add => &[Place::Server],
            Purpose::ResetPassword => &[],
        };
        let visitor = Visitor { user: None, address: Some(request.origin.address) };
        self.gates.email(&visitor, &Email::parse(&address, &self.secrets)?, places)?;
        self.limits.take(Limited::EmailTo, self.limits.name(&address, None))?;

        let address_hash = self.secrets.hash_email(&address);
        let client_secret_hash = self.secrets.hash(CLIENT_SECRET, request.client_secret.as_str());
        let token = secrets::token("");
        let attempt = || async {
            let now_ms = self.clock.now_ms();
            let mut tx = self.storage.begin().await?;
            let known = rows::lock_attempt(&mut tx, &client_secret_hash, &address_hash, request.purpose as i8).await?;
            let known = known.filter(|(_, _, expires_at)| *expires_at > now_ms);
            let sid = match known {
                Some((sid, send_attempt, _)) if request.send_attempt <= send_attempt => return Ok(sid),
                Some((sid, ..)) => sid,
                None => secrets::identifier(SID),
            };
            rows::delete_attempt(&mut tx, &client_secret_hash, &address_hash, request.purpose as i8).await?;
            let owner = rows::find_owner(&mut tx, &address_hash).await?;
            // Who asks for a new password must have an account; who wants to add the address must not.
            let is_useful = owner.is_some() == (request.purpose == Purpose::ResetPassword);
            let row = ValidationRow {
                address: self.secrets.seal(&columns::VALIDATED_ADDRESS, &[&sid], address.as_bytes()),
                next_link: next_link.map(|link| self.secrets.seal(&columns::NEXT_LINK, &[&sid], link.as_bytes())),
                sid: sid.clone(),
                purpose: request.purpose as i8,
                client_secret_hash,
                address_hash,
                language: request.language.tag().to_owned(),
                token_hash: is_useful.then(|| self.secrets.hash(TOKEN, &token)),
                send_attempt: request.send_attempt,
                validated_at: None,
                expires_at: now_ms + LIFETIME_MS,
            };
            rows::insert_validation(&mut tx, &row).await?;
            let link = self.link(&token)?;
            let text = match request.purpose {
                Purpose::ResetPassword => Text::ResetPassword { link: &link },
                _ if !is_useful => Text::AddressTaken,
                Purpose::Register => Text::ConfirmRegistration { link: &link },
                Purpose::Add => Text::ConfirmAddress { link: &link },
            };
            // Nobody is told of an account that somebody does not have.
            let to = (owner.is_some() || request.purpose != Purpose::ResetPassword).then_some(address.as_str());
            self.mail.queue(&mut tx, to, request.language, &text).await?;
            tx.commit().await?;
            Ok(sid)
        };
        let sid = match self.storage.retry(&attempt).await {
            // Two requests at the same time: the other one has begun the attempt.
            Err(error) if fault::is_duplicate(&error) => self.storage.retry(&attempt).await?,
            outcome => outcome?,
        };
        self.mail.wake();
        Ok(sid)
    }

    /// Whether a link in a message is good; where it came from is told by the page that asks.
    pub async fn is_token_good(&self, token: &str) -> Result<bool> {
        let hash = self.secrets.hash(TOKEN, token);
        let found = rows::find_by_token(&mut *self.storage.conn().await?, &hash, self.clock.now_ms()).await?;
        Ok(found.is_some())
    }

    /// Confirms the address that a link was sent to; returns where the person wants to go on.
    pub async fn confirm(&self, token: &str) -> Result<Option<Url>> {
        let now_ms = self.clock.now_ms();
        let mut conn = self.storage.conn().await?;
        let sid = rows::find_by_token(&mut conn, &self.secrets.hash(TOKEN, token), now_ms).await?;
        let sid = sid.ok_or_else(|| Error::not_found("This link is not good any more."))?;
        rows::update_validated(&mut conn, &sid, now_ms).await?;
        let row = rows::find_validation(&mut conn, &sid, now_ms).await?;
        let Some(sealed) = row.and_then(|row| row.next_link) else { return Ok(None) };
        let link = self.secrets.open_text(&columns::NEXT_LINK, &[&sid], &sealed)?;
        Ok(Url::parse(&link).ok().filter(|_| self.is_allowed(&link)))
    }

    /// The address that a client has had confirmed for `purpose`.
    pub async fn proved(&self, purpose: Purpose, sid: &SessionId, secret: &ClientSecret) -> Result<Proved> {
        let now_ms = self.clock.now_ms();
        let row = rows::find_validation(&mut *self.storage.conn().await?, sid.as_str(), now_ms).await?;
        let secret_hash = self.secrets.hash(CLIENT_SECRET, secret.as_str());
        let row = row.filter(|row| row.client_secret_hash == secret_hash && row.purpose == purpose as i8);
        let Some((row, validated_at)) = row.and_then(|row| row.validated_at.map(|at| (row, at))) else {
            return Err(unproved());
        };
        Ok(Proved {
            address: self.secrets.open_text(&columns::VALIDATED_ADDRESS, &[&row.sid], &row.address)?,
            language: Language::of_tag(&row.language),
            validated_at,
            sid: Some(row.sid),
        })
    }

    /// Whether people may be sent to `link`: to the hosts that the operator trusts, and nowhere else.
    fn is_allowed(&self, link: &str) -> bool {
        let Ok(url) = Url::parse(link) else { return false };
        let is_trusted = |host: &str| self.next_link_hosts.iter().any(|trusted| trusted.eq_ignore_ascii_case(host));
        url.scheme() == "https" && url.host_str().is_some_and(is_trusted) && url.username().is_empty()
    }

    fn link(&self, token: &str) -> Result<String> {
        let mut link = self.base.join(PATH).map_err(|fault| Error::internal(fault.to_string()))?;
        link.query_pairs_mut().append_pair("token", token);
        Ok(link.into())
    }
}

/// The refusal of who has not, or not yet, confirmed an address.
pub(super) fn unproved() -> Error {
    let message = "The e-mail address has not been confirmed: open the link that was sent to it.";
    Error::refused(ErrorKind::ThreepidAuthFailed, message)
}
