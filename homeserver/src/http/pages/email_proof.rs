//! Proving on the pages that one has an e-mail address, by a link that is sent there. The attempt is bound to
//! the browser.

use ruma::{ClientSecret, OwnedClientSecret, SessionId};

use super::visit::Visit;
use crate::{
    Error, Result,
    accounts::emails::{Proved, Purpose, ValidationRequest},
    mail::Language,
    secrets,
};

/// Sends a link to an address; returns the name of the attempt.
pub(super) async fn send_link(visit: &Visit, purpose: Purpose, email: &str) -> Result<String> {
    let request = ValidationRequest {
        purpose,
        email,
        client_secret: &secret(visit)?,
        // Each time that somebody asks, a message is sent.
        send_attempt: visit.app.clock.now_ms(),
        next_link: None,
        language: Language::of_tag(visit.frame().language.code()),
        origin: &visit.origin,
    };
    visit.app.accounts.emails.request(request).await
}

/// The address that was proved in the attempt with this name.
pub(super) async fn proved(visit: &Visit, purpose: Purpose, sid: &str) -> Result<Proved> {
    let unknown = |_| Error::invalid_param("This attempt to confirm an e-mail address is not known.");
    let sid = <&SessionId>::try_from(sid).map_err(unknown)?;
    visit.app.accounts.emails.proved(purpose, sid, &secret(visit)?).await
}

/// What nobody but this server and this browser can know.
fn secret(visit: &Visit) -> Result<OwnedClientSecret> {
    let hash = visit.app.secrets.hash("page e-mail proof", &visit.jar.visitor);
    ClientSecret::parse(secrets::encoded(&hash)).map_err(|_| Error::internal("an encoded hash is a client secret"))
}
