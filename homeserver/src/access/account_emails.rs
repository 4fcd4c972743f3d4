//! The e-mail addresses of accounts, as rules know them.

use std::{collections::HashMap, sync::Arc};

use quick_cache::sync::Cache;

use super::email::Email;
use crate::{
    Result,
    clock::Clock,
    secrets::{Secrets, columns, hex},
    storage::{Storage, emails, numbers::UserNid},
};

/// Accounts whose addresses are remembered, at most.
const ACCOUNTS: usize = 100_000;
/// After so long addresses are read again, because another process may have changed them, in
/// milliseconds.
const FRESH_MS: i64 = 10_000;

/// The addresses of all accounts; clones share what is remembered.
#[derive(Clone, Debug)]
pub struct AccountEmails {
    storage: Storage,
    secrets: Secrets,
    clock: Clock,
    known: Arc<Cache<UserNid, Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    emails: Arc<[Email]>,
    read_at: i64,
}

impl AccountEmails {
    /// The addresses in `storage`.
    pub fn new(storage: Storage, secrets: Secrets, clock: Clock) -> Self {
        Self { storage, secrets, clock, known: Arc::new(Cache::new(ACCOUNTS)) }
    }

    /// The addresses of an account.
    pub async fn of(&self, user: UserNid) -> Result<Arc<[Email]>> {
        if let Some(emails) = self.fresh(user) {
            return Ok(emails);
        }
        self.read(&[user]).await?;
        Ok(self.remembered(user))
    }

    /// The same without a question to the database: none, if they were never looked at.
    pub fn remembered(&self, user: UserNid) -> Arc<[Email]> {
        self.known.get(&user).map(|known| known.emails).unwrap_or_default()
    }

    /// Has the addresses of many accounts ready for [`Self::remembered`].
    pub async fn remember(&self, users: impl IntoIterator<Item = UserNid>) -> Result<()> {
        let mut missing: Vec<UserNid> = users.into_iter().filter(|user| self.fresh(*user).is_none()).collect();
        missing.sort_unstable();
        missing.dedup();
        self.read(&missing).await
    }

    /// Makes this process read the addresses of `user` anew, because they changed.
    pub fn forget(&self, user: UserNid) {
        self.known.remove(&user);
    }

    fn fresh(&self, user: UserNid) -> Option<Arc<[Email]>> {
        let known = self.known.get(&user)?;
        (self.clock.now_ms() - known.read_at < FRESH_MS).then_some(known.emails)
    }

    async fn read(&self, users: &[UserNid]) -> Result<()> {
        if users.is_empty() {
            return Ok(());
        }
        let read_at = self.clock.now_ms();
        let rows = emails::list_of(&mut *self.storage.conn().await?, users).await?;
        let mut by_user: HashMap<UserNid, Vec<Email>> = HashMap::new();
        for (user, hash, sealed) in rows {
            let address = self.secrets.open_text(&columns::EMAIL_ADDRESS, &[&hex(&hash)], &sealed)?;
            by_user.entry(user).or_default().push(Email::parse(&address, &self.secrets)?);
        }
        for user in users {
            let emails = by_user.remove(user).unwrap_or_default().into();
            self.known.insert(*user, Known { emails, read_at });
        }
        Ok(())
    }
}
