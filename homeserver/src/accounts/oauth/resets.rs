//! People allow their applications to replace their cross-signing keys. Client-server API, "OAuth
//! authentication".

use super::OAuth;
use crate::{
    Result,
    accounts::browser_sessions::BrowserSession,
    audit::{Action, Event},
    storage::oauth,
};

/// How long an application has for it, in milliseconds.
const LIFETIME_MS: i64 = 10 * 60 * 1000;

impl OAuth {
    /// Allows it once, for a short while.
    pub async fn allow_cross_signing_reset(&self, by: &BrowserSession) -> Result<()> {
        let expires_at = self.clock.now_ms() + LIFETIME_MS;
        oauth::upsert_reset(&mut *self.storage.conn().await?, by.user.nid, expires_at).await?;
        let event = Event::new(Action::ConsentGiven, by).on(&by.user.id);
        self.audit.record(event.detail("what", "cross_signing_reset"));
        Ok(())
    }
}
