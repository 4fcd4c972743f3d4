//! What applications that were let in by OAuth may do that is far-reaching: their users allow it on the
//! account page. Client-server API, "OAuth authentication".

use ruma::api::client::uiaa::{AuthFlow, AuthType, UiaaInfo};
use serde_json::{json, value::to_raw_value};

use super::{InteractiveAuth, Operation};
use crate::{Error, Result, accounts::User, secrets, storage::oauth};

/// The only stage, under its present name and that of MSC4312.
const STAGES: [&str; 2] = ["m.oauth", "org.matrix.cross_signing_reset"];

impl InteractiveAuth {
    /// Succeeds once when the caller's user has allowed that its cross-signing keys are replaced. All
    /// else is done on the account page, not by applications.
    pub(super) async fn require_by_oauth(&self, caller: &User, operation: Operation<'_>) -> Result<()> {
        if !matches!(operation, Operation::UploadCrossSigningKeys(_)) {
            let message = "This is not for clients that log in by OAuth: they send their users to the account page.";
            return Err(Error::unrecognized(message));
        }
        if oauth::take_reset(&mut *self.storage.conn().await?, caller.nid, self.clock.now_ms()).await? {
            return Ok(());
        }
        let flows = STAGES.map(|stage| AuthFlow::new(vec![AuthType::from(stage)]));
        let mut info = UiaaInfo::new(flows.into());
        let url = json!({ "url": format!("{}?action=org.matrix.cross_signing_reset", self.account_page) });
        let params = json!({ STAGES[0]: url, STAGES[1]: url });
        info.params = Some(to_raw_value(&params).map_err(|fault| Error::internal(fault.to_string()))?);
        // Clients ask again and again while their user decides: always in the same session, of which
        // nothing is stored, because what counts is what the user allows.
        let device_id = caller.device_id.as_ref().map_or("", |device_id| device_id.as_str());
        let session = self.secrets.hash("interactive auth by oauth", &format!("{} {device_id}", caller.nid.0));
        info.session = Some(secrets::encoded(&session));
        Err(Error::InteractiveAuth(Box::new(info)))
    }
}
