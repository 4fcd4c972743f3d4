//! Finds out whether somebody knows an account's password, and slows down those who guess.

use std::net::IpAddr;

use ruma::{OwnedServerName, UserId};

use super::{
    Parts, names,
    passwords::{Passwords, Verdict},
};
use crate::{
    Result,
    access::rate_limits::{Action, RateLimits},
    storage::{
        Storage,
        accounts::{self, Account},
    },
};

/// The checker of passwords.
#[derive(Clone, Debug)]
pub struct Credentials {
    storage: Storage,
    passwords: Passwords,
    limits: RateLimits,
    server_name: OwnedServerName,
}

impl Credentials {
    /// A checker for the accounts of this server.
    pub fn new(parts: &Parts<'_>, passwords: Passwords) -> Self {
        Self {
            storage: parts.storage.clone(),
            passwords,
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

    /// Whether `password` is that of `account`, which was asked for as `user`. If so, returns the
    /// hash that it was checked against. Takes as long where there is no account.
    pub async fn check(
        &self,
        user: &str,
        account: Option<&Account>,
        password: &str,
        address: Option<IpAddr>,
    ) -> Result<Option<String>> {
        // Counted before it is known whether it is wrong, so that guesses at the same time count too.
        let name = account.map_or_else(|| user.to_lowercase(), |account| account.user_id.to_string());
        let here = self.limits.name(&name, address);
        let anywhere = self.limits.name(&name, None);
        self.limits.take(Action::FailedLogin, here)?;
        if let Err(refusal) = self.limits.take(Action::FailedLoginAnywhere, anywhere) {
            self.limits.give_back(Action::FailedLogin, here);
            return Err(refusal);
        }

        let hash = account.and_then(|account| account.password_hash.as_deref());
        let verdict = self.passwords.check(password, hash).await?;
        let (Some(account), Some(hash)) = (account, hash) else { return Ok(None) };
        if verdict == Verdict::Wrong {
            return Ok(None);
        }
        self.limits.give_back(Action::FailedLogin, here);
        self.limits.give_back(Action::FailedLoginAnywhere, anywhere);
        if verdict == Verdict::Right {
            return Ok(Some(hash.to_owned()));
        }
        let fresh = self.passwords.hash(password).await?;
        accounts::rehash_password(&mut *self.storage.conn().await?, account.user, hash, &fresh).await?;
        Ok(Some(fresh))
    }
}
