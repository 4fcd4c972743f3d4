//! Applications give their tokens back, or their users do not want them any more. RFC 7009; client-server API,
//! "Token revocation".

use ruma::OwnedDeviceId;

use super::{Fault, OAuth, Outcome, Parameters};
use crate::{
    Result,
    accounts::browser_sessions::BrowserSession,
    audit::{Action, Event, Origin},
    storage::oauth::sessions,
};

impl OAuth {
    /// Ends the session of an access or refresh token, whoever asks; what is not known has ended
    /// already.
    pub async fn revoke(&self, parameters: &Parameters, origin: &Origin) -> Outcome<()> {
        if ["token", "token_type_hint", "client_id"].iter().any(|name| parameters.is_repeated(name)) {
            return Err(Fault::invalid_request("No parameter may be there more than once."));
        }
        let token = parameters.get("token").ok_or_else(|| Fault::invalid_request("The parameter token is missing."))?;
        if let Some((user, device_id)) = self.sessions.find_by_oauth(token).await? {
            self.sessions.end(origin, user, &[device_id]).await?;
        }
        Ok(())
    }

    /// Ends the session of a device by the will of its owner, who does not want the application any more that
    /// began it, if one did.
    pub async fn end_device(&self, by: &BrowserSession, device_id: OwnedDeviceId) -> Result<()> {
        let found = sessions::find(&mut *self.storage.conn().await?, by.user.nid, &device_id).await?;
        if let Some(session) = found {
            let event = Event::new(Action::ConsentRevoked, by).on(&by.user.id);
            let client = self.client(&session.client_id).await?;
            let name = client.as_ref().map_or("", |client| client.name());
            let event = event.detail("app", name).detail("client", session.client_id.as_str());
            self.audit.record(event.detail("device", device_id.as_str()));
        }
        self.sessions.end(by, by.user.nid, &[device_id]).await
    }
}
