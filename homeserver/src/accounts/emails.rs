//! E-mail addresses: proving that one has them, and writing to their owners. Client-server API,
//! "Adding Account Administrative Contact Information".
//!
//! Nobody can find out from the answers, or the time they take, whether an address belongs to an
//! account: who asks gets the same session identifier, and only the owner of the mailbox learns more.

mod notices;
mod replacing;
mod validation;

use ruma::UserId;
use url::Url;

pub use self::{
    notices::Notice,
    validation::{PATH as CONFIRMATION_PATH, Proved, Purpose, ValidationRequest},
};
use super::{Parts, User};
use crate::{
    Error, Result,
    access::{account_emails::AccountEmails, gates::Gates, rate_limits::RateLimits},
    audit::{Action, Audit, Event},
    clock::Clock,
    error::ErrorKind,
    mail::{Language, Mail, canonical_address},
    secrets::{Secrets, columns, hex},
    storage::{
        Conn, Storage,
        emails::{self as rows, EmailRow},
        numbers::UserNid,
    },
};

/// Addresses of one user, at most.
const MOST: usize = 10;

/// E-mail addresses of users; clones share the queue.
#[derive(Clone, Debug)]
pub struct Emails {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    audit: Audit,
    mail: Mail,
    limits: RateLimits,
    gates: Gates,
    known_to_rules: AccountEmails,
    /// Where the pages of this server are.
    base: Url,
    next_link_hosts: Vec<String>,
    tells_of_sign_ins: bool,
}

/// An address of a user.
#[derive(Clone, Debug)]
pub struct Email {
    /// In its canonical form.
    pub address: String,
    /// When it was proved, in ms since the epoch.
    pub validated_at: i64,
    /// When it was added, in ms since the epoch.
    pub added_at: i64,
}

impl Emails {
    /// The addresses in the storage of `parts`.
    pub fn new(parts: &Parts<'_>) -> Self {
        Self {
            storage: parts.storage.clone(),
            secrets: parts.secrets.clone(),
            clock: parts.clock.clone(),
            audit: parts.audit.clone(),
            mail: parts.mail.clone(),
            limits: parts.access.rate_limits.clone(),
            gates: parts.access.gates.clone(),
            known_to_rules: parts.access.emails.clone(),
            base: parts.base_url.clone(),
            next_link_hosts: parts.mail_rules.next_link_hosts.clone(),
            tells_of_sign_ins: parts.mail_rules.tell_of_sign_ins,
        }
    }

    /// Whether messages can be sent, which everything here needs.
    pub fn are_possible(&self) -> bool {
        self.mail.is_configured()
    }

    /// Whether people are told of new devices.
    pub fn tell_of_sign_ins(&self) -> bool {
        self.tells_of_sign_ins && self.are_possible()
    }

    /// All addresses of a user.
    pub async fn list(&self, user: UserNid) -> Result<Vec<Email>> {
        let rows = rows::list(&mut *self.storage.conn().await?, user).await?;
        let email = |row: EmailRow| {
            Ok(Email { address: self.open(&row)?, validated_at: row.validated_at, added_at: row.added_at })
        };
        rows.into_iter().map(email).collect()
    }

    /// Whose an address is.
    pub async fn find_owner(&self, address: &str) -> Result<Option<UserNid>> {
        let Some(address) = canonical_address(address) else { return Ok(None) };
        rows::find_owner(&mut *self.storage.conn().await?, &self.secrets.hash_email(&address)).await
    }

    /// Gives an address that was proved to a user, in a transaction; the proof is used up.
    pub(in crate::accounts) async fn bind(&self, tx: &mut Conn, user: UserNid, proved: &Proved) -> Result<()> {
        if rows::list(tx, user).await?.len() >= MOST {
            return Err(Error::invalid_param("This account has too many e-mail addresses."));
        }
        self.give(tx, user, &proved.address, proved.language, proved.validated_at).await?;
        use_up(tx, proved).await
    }

    /// Gives an address to a user, unless it is another's.
    async fn give(
        &self,
        tx: &mut Conn,
        user: UserNid,
        address: &str,
        language: Language,
        validated_at: i64,
    ) -> Result<()> {
        let address_hash = self.secrets.hash_email(address);
        let row = EmailRow {
            address_hash,
            user,
            address: self.secrets.seal(&columns::EMAIL_ADDRESS, &[&hex(&address_hash)], address.as_bytes()),
            language: language.tag().to_owned(),
            validated_at,
            added_at: self.clock.now_ms(),
        };
        if !rows::insert(tx, &row).await? && rows::find_owner(tx, &address_hash).await? != Some(user) {
            let message = "This e-mail address belongs to another account.";
            return Err(Error::refused(ErrorKind::ThreepidInUse, message));
        }
        Ok(())
    }

    /// Uses up a proof of an address.
    pub(in crate::accounts) async fn use_up(&self, proved: &Proved) -> Result<()> {
        use_up(&mut *self.storage.conn().await?, proved).await
    }

    /// Gives an address that was proved to the caller, who has proved anew to want that: who can read the
    /// mail can choose a new password.
    pub async fn add(&self, caller: &User, proved: &Proved) -> Result<()> {
        let event = Event::new(Action::EmailAdded, caller).on(&caller.id).private("email", proved.address.as_str());
        let attempt = || async {
            let mut tx = self.storage.begin().await?;
            self.bind(&mut tx, caller.nid, proved).await?;
            self.audit.append(&mut tx, [event.clone()]).await?;
            Ok(tx.commit().await?)
        };
        self.storage.retry(attempt).await?;
        self.known_to_rules.forget(caller.nid);
        self.notify(caller.nid, &caller.id, Notice::EmailAdded(&proved.address)).await;
        Ok(())
    }

    /// Takes an address from the caller; it need not have it.
    pub async fn remove(&self, caller: &User, address: &str) -> Result<()> {
        let Some(address) = canonical_address(address) else { return Ok(()) };
        let hash = self.secrets.hash_email(&address);
        if rows::find_owner(&mut *self.storage.conn().await?, &hash).await? != Some(caller.nid) {
            return Ok(());
        }
        // Told to the address that goes, too.
        self.notify(caller.nid, &caller.id, Notice::EmailRemoved(&address)).await;
        let event = Event::new(Action::EmailRemoved, caller).on(&caller.id).private("email", address.as_str());
        let attempt = || async {
            let mut tx = self.storage.begin().await?;
            if rows::delete(&mut tx, caller.nid, &hash).await? {
                self.audit.append(&mut tx, [event.clone()]).await?;
            }
            Ok(tx.commit().await?)
        };
        self.storage.retry(attempt).await?;
        self.known_to_rules.forget(caller.nid);
        Ok(())
    }

    /// Writes to all addresses of a user. What comes of it is nobody's concern who does what the notice
    /// tells of.
    pub async fn notify(&self, user: UserNid, user_id: &UserId, notice: Notice<'_>) {
        if !self.are_possible() {
            return;
        }
        if let Err(error) = self.try_notify(user, user_id, notice).await {
            tracing::warn!(%error, "A notice to a user could not be written");
        }
    }

    async fn try_notify(&self, user: UserNid, user_id: &UserId, notice: Notice<'_>) -> Result<()> {
        let mut conn = self.storage.conn().await?;
        let rows = rows::list(&mut conn, user).await?;
        for row in &rows {
            let text = notice.text(user_id.as_str(), self.clock.now_ms());
            self.mail.queue(&mut conn, Some(&self.open(row)?), Language::of_tag(&row.language), &text).await?;
        }
        if !rows.is_empty() {
            self.mail.wake();
        }
        Ok(())
    }

    fn open(&self, row: &EmailRow) -> Result<String> {
        self.secrets.open_text(&columns::EMAIL_ADDRESS, &[&hex(&row.address_hash)], &row.address)
    }
}

async fn use_up(conn: &mut Conn, proved: &Proved) -> Result<()> {
    let Some(sid) = &proved.sid else { return Ok(()) };
    if rows::delete_validation(conn, sid).await? { Ok(()) } else { Err(validation::unproved()) }
}
