//! What administrators set about accounts besides their state: a type for lists, a shadow ban, a pace.

use ruma::UserId;

use super::Administration;
use crate::{
    Error, Result,
    accounts::User,
    audit::{Action, Event},
    storage::account_marks::{self, Marks, Pace},
};

/// The longest type, in bytes.
const LONGEST_TYPE: usize = 32;

impl Administration {
    /// What is set about an account.
    pub async fn marks(&self, user_id: &UserId) -> Result<Marks> {
        let account = self.find(user_id).await?;
        account_marks::load(&mut *self.storage.conn().await?, account.user).await
    }

    /// Says of what type a user is, or takes that back.
    pub async fn set_type(&self, caller: &User, user_id: &UserId, user_type: Option<String>) -> Result<()> {
        if user_type.as_ref().is_some_and(|word| word.is_empty() || word.len() > LONGEST_TYPE) {
            return Err(Error::invalid_param(format!("A type of users has 1 to {LONGEST_TYPE} bytes.")));
        }
        let event =
            Event::new(Action::AdminActed, caller).detail("what", "user.type").detail("type", user_type.clone());
        self.mark(user_id, event, |marks| marks.user_type.clone_from(&user_type)).await
    }

    /// Lets what a user says go nowhere without telling them, or not any more.
    pub async fn set_shadow_ban(&self, caller: &User, user_id: &UserId, is_banned: bool) -> Result<()> {
        let account = self.other(caller, user_id).await?;
        let event = Event::new(Action::AdminActed, caller).detail("what", "user.shadow_ban").detail("set", is_banned);
        self.mark(&account.user_id, event, |marks| marks.is_shadow_banned = is_banned).await
    }

    /// Lets a user act as often as `pace` says in place of the configured limits.
    pub async fn set_pace(&self, caller: &User, user_id: &UserId, pace: Option<Pace>) -> Result<()> {
        let mut event =
            Event::new(Action::AdminActed, caller).detail("what", "user.pace").detail("set", pace.is_some());
        if let Some(pace) = pace {
            event = event.detail("per_second", pace.per_second).detail("burst", pace.burst);
        }
        self.mark(user_id, event, |marks| marks.pace = pace).await
    }

    async fn mark(&self, user_id: &UserId, event: Event, set: impl Fn(&mut Marks)) -> Result<()> {
        let account = self.find(user_id).await?;
        let event = event.on(user_id);
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                let before = account_marks::load(&mut tx, account.user).await?;
                let mut marks = before.clone();
                set(&mut marks);
                if marks == before {
                    return Ok(());
                }
                account_marks::replace(&mut tx, account.user, &marks).await?;
                self.audit.append(&mut tx, [event.clone()]).await?;
                Ok(tx.commit().await?)
            })
            .await?;
        self.sessions.forget(account.user);
        self.tell_others().await
    }
}
