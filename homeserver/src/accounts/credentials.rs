//! Finds out whether somebody knows an account's password, and slows down those who guess.

use std::net::IpAddr;

use ruma::{OwnedServerName, UserId};

use super::{
    Parts,
    app_passwords::AppPasswords,
    factors::{Factors, code},
    names,
    passwords::{Passwords, Verdict},
};
use crate::{
    Error, Result,
    access::rate_limits::{Action, RateLimits, Subject},
    audit::Actor,
    storage::{
        Storage,
        accounts::{self, Account},
        numbers::UserNid,
    },
};

/// The checker of passwords.
#[derive(Clone, Debug)]
pub struct Credentials {
    storage: Storage,
    passwords: Passwords,
    factors: Factors,
    app_passwords: AppPasswords,
    /// Whether clients may send a code after the password.
    take_codes: bool,
    limits: RateLimits,
    server_name: OwnedServerName,
}

/// What somebody proved by what was sent as a password.
#[derive(Debug)]
pub enum Proof {
    /// Nothing.
    Wrong,
    /// To know the password, where a code of the second factor is needed too.
    CodeMissing,
    /// To know the password, but the code after it was refused for this reason.
    CodeRefused(Error),
    /// All that is needed.
    Complete {
        /// The hash that the password was checked against.
        password_hash: String,
    },
    /// To have an app password, which is good for logging in only.
    AppPassword {
        /// Its ID.
        id: String,
    },
}

/// An attempt that was counted.
#[derive(Clone, Copy)]
struct Attempt {
    here: Subject,
    anywhere: Subject,
}

impl Credentials {
    /// A checker for the accounts of this server.
    pub fn new(parts: &Parts<'_>, passwords: Passwords, factors: Factors, app_passwords: AppPasswords) -> Self {
        Self {
            storage: parts.storage.clone(),
            passwords,
            factors,
            app_passwords,
            take_codes: parts.login.totp_suffix,
            limits: parts.access.rate_limits.clone(),
            server_name: parts.server_name.clone(),
        }
    }

    /// The account that somebody means by `user`, a whole user ID or a localpart. Capitals count only
    /// if there is an account with exactly these.
    pub async fn find(&self, user: &str) -> Result<Option<Account>> {
        let mut conn = self.storage.conn().await?;
        let Some(exact) = names::parse(user, &self.server_name) else { return Ok(None) };
        if let Some(account) = accounts::find(&mut conn, &exact).await? {
            return Ok(Some(account));
        }
        let lowered = exact.as_str().to_lowercase();
        match UserId::parse(&lowered) {
            Ok(lowered) if lowered != exact => accounts::find(&mut conn, &lowered).await,
            _ => Ok(None),
        }
    }

    /// The second factors that are asked for besides passwords.
    pub fn factors(&self) -> &Factors {
        &self.factors
    }

    /// Whether clients may send a code after the password.
    pub fn take_codes(&self) -> bool {
        self.take_codes
    }

    /// Whether `password` is that of `account`, which was asked for as `user`; the second factor is
    /// the caller's business. If so, returns the hash that it was checked against. Takes as long where
    /// there is no account.
    pub async fn check(
        &self,
        user: &str,
        account: Option<&Account>,
        password: &str,
        address: Option<IpAddr>,
    ) -> Result<Option<String>> {
        let attempt = self.admit(user, account, address)?;
        let hash = self.hash_if_right(account, password).await?;
        if hash.is_some() {
            self.forgive(attempt);
        }
        Ok(hash)
    }

    /// What `text` proves, which a client sent as the password of `account`: it may be the password
    /// alone, the password with a code of the second factor after it, or an app password.
    pub async fn prove(
        &self,
        user: &str,
        account: Option<&Account>,
        text: &str,
        address: Option<IpAddr>,
    ) -> Result<Proof> {
        let attempt = self.admit(user, account, address)?;
        // Asked where there is no account too: the time tells nothing.
        let has_factor = self.factors.is_on(account.map_or(UserNid(0), |account| account.user)).await?;
        let proof = self.prove_password(account, has_factor, text).await?;
        if !matches!(proof, Proof::Wrong) {
            self.forgive(attempt);
        }
        Ok(proof)
    }

    async fn prove_password(&self, account: Option<&Account>, has_factor: bool, text: &str) -> Result<Proof> {
        if let Some(account) = account
            && let Some(id) = self.app_passwords.find(account.user, text).await?
        {
            return Ok(Proof::AppPassword { id });
        }
        if let Some(password_hash) = self.hash_if_right(account, text).await? {
            return Ok(if has_factor { Proof::CodeMissing } else { Proof::Complete { password_hash } });
        }
        let Some((password, code)) = code::split(text).filter(|_| self.take_codes) else { return Ok(Proof::Wrong) };
        // Hashed where there is no second factor or no account too, for the same reason.
        let account = account.filter(|_| has_factor);
        match (account, self.hash_if_right(account, password).await?) {
            (Some(account), Some(password_hash)) => {
                Ok(match self.factors.verify(Actor::owner(&account.user_id), account.user, code).await {
                    Ok(_) => Proof::Complete { password_hash },
                    Err(refusal @ Error::Refused { .. }) => Proof::CodeRefused(refusal),
                    Err(fault) => return Err(fault),
                })
            }
            _ => Ok(Proof::Wrong),
        }
    }

    /// Counts an attempt to guess a password, or refuses it. It is counted before it is known whether
    /// it is wrong, so that guesses at the same time count too.
    fn admit(&self, user: &str, account: Option<&Account>, address: Option<IpAddr>) -> Result<Attempt> {
        let name = account.map_or_else(|| user.to_lowercase(), |account| account.user_id.to_string());
        let attempt = Attempt { here: self.limits.name(&name, address), anywhere: self.limits.name(&name, None) };
        self.limits.take(Action::FailedLogin, attempt.here)?;
        if let Err(refusal) = self.limits.take(Action::FailedLoginAnywhere, attempt.anywhere) {
            self.limits.give_back(Action::FailedLogin, attempt.here);
            return Err(refusal);
        }
        Ok(attempt)
    }

    fn forgive(&self, attempt: Attempt) {
        self.limits.give_back(Action::FailedLogin, attempt.here);
        self.limits.give_back(Action::FailedLoginAnywhere, attempt.anywhere);
    }

    /// The stored hash of `password`, if that is right. One that was made with other parameters than
    /// those configured now is replaced.
    async fn hash_if_right(&self, account: Option<&Account>, password: &str) -> Result<Option<String>> {
        let hash = account.and_then(|account| account.password_hash.as_deref());
        let verdict = self.passwords.check(password, hash).await?;
        let (Some(account), Some(hash)) = (account, hash) else { return Ok(None) };
        match verdict {
            Verdict::Wrong => Ok(None),
            Verdict::Right => Ok(Some(hash.to_owned())),
            Verdict::RightButOutdated => {
                let fresh = self.passwords.hash(password).await?;
                accounts::rehash_password(&mut *self.storage.conn().await?, account.user, hash, &fresh).await?;
                Ok(Some(fresh))
            }
        }
    }
}
