//! Letting in a device without a browser. Client-server API, "Device authorisation flow".

use askama::Template;

use super::{
    Page,
    fallback::Done,
    refusal,
    reply::Reply,
    sso::Consent,
    visit::{Frame, Visit},
};
use crate::{
    Error, Result,
    access::rate_limits::{Action, Subject},
};

#[derive(Template)]
#[template(path = "device.html")]
struct Device {
    frame: Frame,
    user_code: String,
}

/// `GET /device`
pub(super) async fn show(visit: Visit) -> Page {
    let session = visit.entitled().await?;
    let Some(typed) = visit.query.get("user_code").filter(|typed| !typed.is_empty()) else {
        return Ok(Reply::page(&Device { frame: visit.frame(), user_code: String::new() }));
    };
    let oauth = served(&visit)?;
    visit.app.access.rate_limits.take(Action::Login, Subject::address(visit.origin.address))?;
    let device = match oauth.waiting_device(typed).await {
        Ok(device) => device,
        Err(error) => {
            let (status, message) = refusal(error)?;
            let page = Device { frame: visit.frame().with_alarm(message), user_code: typed.to_owned() };
            return Ok(Reply::page(&page).with_status(status));
        }
    };
    let page = Consent {
        app: device.client.name().to_owned(),
        user: session.user.id.to_string(),
        facts: vec![
            ("Code that the device shows", device.user_code.clone(), false),
            ("Site", device.client.metadata.client_uri.to_string(), true),
            ("Device", device.device_id.to_string(), false),
        ],
        action: "/device".to_owned(),
        fields: vec![("user_code", device.user_code)],
        next: visit.back(),
        frame: visit.frame(),
    };
    Ok(Reply::page(&page))
}

/// `POST /device`
pub(super) async fn submit(visit: Visit) -> Page {
    let session = visit.entitled().await?;
    let oauth = served(&visit)?;
    visit.app.access.rate_limits.take(Action::Login, Subject::address(visit.origin.address))?;
    let is_allowed = visit.form.get("decision") == Some("allow");
    oauth.decide(visit.form.text("user_code"), is_allowed, session).await?;
    let message = if is_allowed {
        "The device is signed in. You can close this page."
    } else {
        "The device is not let in. You can close this page."
    };
    Ok(Done::page(visit.frame(), message))
}

fn served(visit: &Visit) -> Result<&crate::accounts::oauth::OAuth> {
    let oauth = &visit.app.accounts.oauth;
    let refusal = || Error::not_found("Apps cannot be let in this way on this server.");
    oauth.is_served().then_some(oauth).ok_or_else(refusal)
}
