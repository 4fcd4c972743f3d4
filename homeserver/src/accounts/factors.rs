//! The second factor of accounts: an authenticator app (TOTP, RFC 6238), and recovery codes that
//! stand in for it. Whoever lets somebody in by password asks here.
//!
//! A password reset does not touch it. It goes when its owner turns it off with a code, when an
//! administrator resets it, or with the account.

mod authenticator;
pub(in crate::accounts) mod code;
mod trial;

use zeroize::Zeroizing;

use self::code::{ALPHABET, Code, RECOVERY_LENGTH, grouped};
pub use self::trial::Proof;
use super::{
    Parts,
    emails::{Emails, Notice},
};
use crate::{
    Error, Result,
    audit::{Action, Actor, Audit, Event},
    clock::Clock,
    config::RequireTotp,
    secrets::{self, Secrets, columns},
    storage::{
        Conn, Storage, accounts,
        factors::{self as rows, EnrolmentRow},
        numbers::UserNid,
    },
};

/// How long a new app may take to be confirmed, in milliseconds.
const ENROLMENT_MS: i64 = 10 * 60 * 1000;
/// How many recovery codes there are at first.
const RECOVERY_CODES: usize = 10;
/// What recovery codes are hashed for.
const RECOVERY: &str = "recovery code";

/// The second factors of all accounts; clones are the same.
#[derive(Clone, Debug)]
pub struct Factors {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    audit: Audit,
    emails: Emails,
    /// How apps call this server.
    issuer: String,
    policy: RequireTotp,
}

/// What an account's second factor is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactorState {
    /// Since when there is one.
    pub since_ms: i64,
    /// How many recovery codes have not been used.
    pub recovery_codes: usize,
    /// Until when all codes are refused, if they are.
    pub locked_until_ms: Option<i64>,
}

/// A new authenticator app, for its owner to see once and confirm with a code.
pub struct Enrolment {
    /// The secret in base 32, to be typed into an app.
    pub secret: Zeroizing<String>,
    /// The same as an `otpauth:` URL, which apps on this device open.
    pub url: Zeroizing<String>,
    /// The same as a QR code to be scanned: a PNG picture.
    pub qr_png: Zeroizing<Vec<u8>>,
}

/// Recovery codes in groups of four letters, for their owner to see once.
pub type RecoveryCodes = Vec<Zeroizing<String>>;

impl Factors {
    /// The second factors of the accounts in `storage`.
    pub fn new(parts: &Parts<'_>, emails: Emails) -> Self {
        Self {
            storage: parts.storage.clone(),
            secrets: parts.secrets.clone(),
            clock: parts.clock.clone(),
            audit: parts.audit.clone(),
            emails,
            issuer: parts.server_name.to_string(),
            policy: parts.login.require_totp,
        }
    }

    /// Whether an account has a second factor, without which a password is not enough.
    pub async fn is_on(&self, user: UserNid) -> Result<bool> {
        rows::exists(&mut *self.storage.conn().await?, user).await
    }

    /// What an account's second factor is like, if it has one.
    pub async fn state(&self, user: UserNid) -> Result<Option<FactorState>> {
        let mut conn = self.storage.conn().await?;
        let Some(row) = rows::find(&mut conn, user).await? else { return Ok(None) };
        let left = rows::count_recovery_codes(&mut conn, user).await?;
        Ok(Some(FactorState {
            since_ms: row.created_at,
            recovery_codes: usize::try_from(left).unwrap_or_default(),
            locked_until_ms: Some(row.locked_until).filter(|until| *until > self.clock.now_ms()),
        }))
    }

    /// Whether the server wants an account to have a second factor before it may log in again, and
    /// it has none.
    pub async fn is_missing(&self, user: UserNid) -> Result<bool> {
        Ok(self.is_required(user).await? && !self.is_on(user).await?)
    }

    /// Begins to set up the first app of an account.
    pub async fn begin(&self, user: UserNid) -> Result<Enrolment> {
        if self.is_on(user).await? {
            return Err(Error::forbidden("Two-factor authentication is on already."));
        }
        self.enrol(user, false).await
    }

    /// Begins to set up another app in place of the present one, which works until then. The caller
    /// has just proved the present one.
    pub async fn begin_replacement(&self, user: UserNid) -> Result<Enrolment> {
        if !self.is_on(user).await? {
            return Err(off());
        }
        self.enrol(user, true).await
    }

    /// Turns on the second factor that was begun with the first `code` of its app, which is used up.
    /// Returns the recovery codes; earlier ones are good no longer.
    pub async fn confirm(&self, by: impl Into<Actor>, user: UserNid, code: &str) -> Result<RecoveryCodes> {
        let Some(Code::App(digits)) = Code::parse(code) else {
            return Err(Error::invalid_param("An authenticator app shows codes of six digits."));
        };
        let codes = new_codes();
        let user_id = self.storage.user_id(user).await?;
        let event = Event::new(Action::FactorAdded, by).on(&user_id).detail("kind", "totp");
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                self.turn_on(&mut tx, user, &digits).await?;
                rows::replace_recovery_codes(&mut tx, user, &self.hashes(user, &codes)).await?;
                self.audit.append(&mut tx, [event.clone()]).await?;
                Ok(tx.commit().await?)
            })
            .await?;
        self.emails.notify(user, &user_id, Notice::FactorAdded).await;
        Ok(codes.iter().map(|code| Zeroizing::new(grouped(code))).collect())
    }

    /// Replaces the recovery codes of an account. The caller has just proved its second factor.
    pub async fn regenerate_recovery_codes(&self, by: impl Into<Actor>, user: UserNid) -> Result<RecoveryCodes> {
        let codes = new_codes();
        let user_id = self.storage.user_id(user).await?;
        let event = Event::new(Action::RecoveryCodesCreated, by).on(&user_id);
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                if rows::lock(&mut tx, user).await?.is_none() {
                    return Err(off());
                }
                rows::replace_recovery_codes(&mut tx, user, &self.hashes(user, &codes)).await?;
                self.audit.append(&mut tx, [event.clone()]).await?;
                Ok(tx.commit().await?)
            })
            .await?;
        self.emails.notify(user, &user_id, Notice::RecoveryCodesCreated).await;
        Ok(codes.iter().map(|code| Zeroizing::new(grouped(code))).collect())
    }

    /// Turns an account's second factor off with one of its codes.
    pub async fn turn_off(&self, by: impl Into<Actor>, user: UserNid, code: &str) -> Result<()> {
        if self.is_required(user).await? {
            return Err(Error::forbidden("This server wants this account to have two-factor authentication."));
        }
        let by = by.into();
        self.verify(by.clone(), user, code).await?;
        let user_id = self.storage.user_id(user).await?;
        let event = Event::new(Action::FactorRemoved, by).on(&user_id);
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                rows::delete(&mut tx, user).await?;
                self.audit.append(&mut tx, [event.clone()]).await?;
                Ok(tx.commit().await?)
            })
            .await?;
        self.emails.notify(user, &user_id, Notice::FactorRemoved).await;
        Ok(())
    }

    async fn is_required(&self, user: UserNid) -> Result<bool> {
        Ok(match self.policy {
            RequireTotp::None => false,
            RequireTotp::All => true,
            RequireTotp::Admins => accounts::is_admin(&mut *self.storage.conn().await?, user).await?,
        })
    }

    async fn enrol(&self, user: UserNid, is_replacement: bool) -> Result<Enrolment> {
        let user_id = self.storage.user_id(user).await?;
        let secret = authenticator::secret();
        let app = authenticator::app(&*secret, &self.issuer, user_id.localpart())?;
        let (url, secret_text, qr_png) = authenticator::shown(&app)?;
        let row = EnrolmentRow {
            secret: self.secrets.seal(&columns::PENDING_TOTP_SECRET, &[&user.0], &*secret),
            is_replacement,
            expires_at: self.clock.now_ms() + ENROLMENT_MS,
        };
        rows::upsert_enrolment(&mut *self.storage.conn().await?, user, &row).await?;
        Ok(Enrolment { secret: secret_text.into(), url: url.into(), qr_png: qr_png.into() })
    }

    async fn turn_on(&self, tx: &mut Conn, user: UserNid, digits: &str) -> Result<()> {
        let now_ms = self.clock.now_ms();
        let begun = rows::lock_enrolment(tx, user).await?.filter(|row| row.expires_at > now_ms);
        let is_on = rows::lock(tx, user).await?.is_some();
        let Some(begun) = begun.filter(|row| row.is_replacement == is_on) else {
            return Err(Error::forbidden("This took too long, or was never begun. Begin again."));
        };
        let secret = self.secrets.open(&columns::PENDING_TOTP_SECRET, &[&user.0], &begun.secret)?;
        let Some(step) = self.step(&secret, digits, now_ms)? else {
            return Err(Error::forbidden("This code is wrong. Is the clock of your device right?"));
        };
        let sealed = self.secrets.seal(&columns::TOTP_SECRET, &[&user.0], &secret);
        rows::upsert(tx, user, &sealed, step, now_ms).await?;
        rows::delete_enrolment(tx, user).await
    }

    /// The time step of which `digits` are the code of the app that has `secret`.
    fn step(&self, secret: &[u8], digits: &str, now_ms: i64) -> Result<Option<i64>> {
        let app = authenticator::app(secret, &self.issuer, "")?;
        let seconds = u64::try_from(now_ms / 1000).unwrap_or_default();
        Ok(app.check(digits, seconds).and_then(|step| i64::try_from(step).ok()))
    }

    fn hashes(&self, user: UserNid, codes: &[Zeroizing<String>]) -> Vec<[u8; 32]> {
        codes.iter().map(|code| self.recovery_hash(user, code)).collect()
    }

    fn recovery_hash(&self, user: UserNid, code: &str) -> [u8; 32] {
        self.secrets.hash(RECOVERY, &format!("{} {code}", user.0))
    }
}

fn new_codes() -> Vec<Zeroizing<String>> {
    (0..RECOVERY_CODES).map(|_| Zeroizing::new(secrets::text(RECOVERY_LENGTH, ALPHABET))).collect()
}

fn off() -> Error {
    Error::forbidden("Two-factor authentication is not on.")
}
