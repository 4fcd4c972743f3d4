//! Lets administrators say which e-mail addresses a user has, who then need not prove them.

use ruma::UserId;

use super::{Emails, MOST};
use crate::{
    Error, Result,
    accounts::User,
    audit::{Action, Event},
    mail::{Language, canonical_address},
    storage::{emails as rows, numbers::UserNid},
};

impl Emails {
    /// Gives a user these addresses by the will of the administrator `caller`, and takes all others.
    pub async fn replace(&self, caller: &User, user: UserNid, user_id: &UserId, addresses: &[String]) -> Result<()> {
        let canonical = |address: &String| {
            canonical_address(address).ok_or_else(|| Error::invalid_param(format!("{address} is no e-mail address.")))
        };
        let wanted: Vec<String> = addresses.iter().map(canonical).collect::<Result<_>>()?;
        if wanted.len() > MOST {
            return Err(Error::invalid_param(format!("An account has at most {MOST} e-mail addresses.")));
        }
        self.storage.retry(|| self.replace_once(caller, user, user_id, &wanted)).await?;
        self.known_to_rules.forget(user);
        Ok(())
    }

    async fn replace_once(&self, caller: &User, user: UserNid, user_id: &UserId, wanted: &[String]) -> Result<()> {
        let mut tx = self.storage.begin().await?;
        let mut events = Vec::new();
        let mut present = Vec::new();
        for row in rows::list(&mut tx, user).await? {
            let address = self.open(&row)?;
            if wanted.contains(&address) {
                present.push(address);
            } else {
                rows::delete(&mut tx, user, &row.address_hash).await?;
                events.push(Event::new(Action::EmailRemoved, caller).on(user_id).private("email", address));
            }
        }
        for address in wanted.iter().filter(|address| !present.contains(address)) {
            self.give(&mut tx, user, address, Language::English, self.clock.now_ms()).await?;
            events.push(Event::new(Action::EmailAdded, caller).on(user_id).private("email", address.as_str()));
        }
        self.audit.append(&mut tx, events).await?;
        Ok(tx.commit().await?)
    }
}
