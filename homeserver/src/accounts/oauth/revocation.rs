//! Applications give their tokens back. RFC 7009; client-server API, "Token revocation".

use super::{Fault, OAuth, Outcome, Parameters};
use crate::audit::Origin;

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
}
