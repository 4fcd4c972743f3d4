//! What users do with their e-mail addresses: adding them, and choosing a new password by them.

use ruma::{ClientSecret, SessionId, api::client::uiaa::AuthData};

use super::{
    User,
    emails::{Emails, Purpose},
    interactive_auth::{InteractiveAuth, Operation},
};
use crate::Result;

/// Changes of users' e-mail addresses.
#[derive(Clone, Debug)]
pub struct Contacts {
    emails: Emails,
    interactive_auth: InteractiveAuth,
}

impl Contacts {
    /// Changes of the addresses that `emails` knows.
    pub fn new(emails: Emails, interactive_auth: InteractiveAuth) -> Self {
        Self { emails, interactive_auth }
    }

    /// Adds an address that was confirmed, after the caller has proved that it wants that: who can
    /// read the mail can choose a new password.
    pub async fn add(
        &self,
        caller: &User,
        auth: Option<&AuthData>,
        sid: &SessionId,
        client_secret: &ClientSecret,
    ) -> Result<()> {
        let proved = self.emails.proved(Purpose::Add, sid, client_secret).await?;
        self.interactive_auth.require(caller, auth, Operation::AddEmail(&proved.address)).await?;
        self.emails.add(caller, &proved).await
    }
}
