//! Keeps record of what administrators do about rooms, reports and what people said.

use super::Moderation;
use crate::{
    Result,
    accounts::User,
    audit::{Action, Event},
    storage::Conn,
};

impl Moderation {
    /// Something that `caller` does.
    pub(super) fn act(caller: &User, what: &'static str) -> Event {
        Event::new(Action::AdminActed, caller).detail("what", what)
    }

    /// Notes an event, in the transaction that does what it tells of.
    pub(super) async fn note(&self, tx: &mut Conn, event: &Event) -> Result<()> {
        self.audit.append(tx, [event.clone()]).await
    }

    /// Notes an event by itself.
    pub(super) async fn record(&self, event: Event) -> Result<()> {
        self.storage
            .retry(|| async {
                let mut tx = self.storage.begin().await?;
                self.note(&mut tx, &event).await?;
                Ok(tx.commit().await?)
            })
            .await
    }
}
