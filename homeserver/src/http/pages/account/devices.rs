//! Where somebody is signed in.

use std::collections::HashMap;

use askama::Template;
use ruma::{OwnedDeviceId, api::client::device::Device};

use crate::{
    Result,
    accounts::{browser_sessions::BrowserSession, sessions::SessionKind},
    http::pages::{
        Page,
        account::Heading,
        moment,
        reply::Reply,
        visit::{Frame, Visit, query},
    },
};

const HERE: &str = "/account/devices";

#[derive(Template)]
#[template(path = "account/devices.html")]
struct Devices {
    frame: Frame,
    head: Heading,
    /// The one device that is looked at.
    only: Option<String>,
    devices: Vec<Listed>,
    browsers: Vec<Browser>,
}

struct Listed {
    id: String,
    name: String,
    kind: &'static str,
    seen: Option<String>,
    address: Option<String>,
}

struct Browser {
    agent: String,
    since: String,
    is_this: bool,
}

/// `GET /account/devices`
pub(in crate::http::pages) async fn show(visit: Visit) -> Page {
    let session = visit.member(&visit.location)?;
    let only = visit.query.get("device_id").map(ToOwned::to_owned);
    let page = Devices {
        frame: visit.frame(),
        head: Heading::of(&visit, session, HERE),
        devices: devices(&visit, session, only.as_deref()).await?,
        only,
        browsers: browsers(&visit, session).await?,
    };
    Ok(Reply::page(&page))
}

/// `POST /account/devices/end`
pub(in crate::http::pages) async fn end(visit: Visit) -> Page {
    let device_id = visit.form.text("device_id");
    let back = format!("{HERE}?{}", query(&[("device_id", device_id)]));
    let session = visit.fresh(&back)?;
    visit.app.accounts.oauth.end_device(session, device_id.into()).await?;
    Ok(Reply::to(HERE))
}

/// `POST /account/devices/end-all`
pub(in crate::http::pages) async fn end_all(visit: Visit) -> Page {
    let session = visit.fresh(HERE)?;
    visit.app.accounts.sessions.end_all(session, session.user.nid, None).await?;
    Ok(Reply::to("/login").with_session(None))
}

async fn devices(visit: &Visit, session: &BrowserSession, only: Option<&str>) -> Result<Vec<Listed>> {
    let user = session.user.nid;
    let kinds: HashMap<OwnedDeviceId, SessionKind> =
        visit.app.accounts.app_passwords.session_kinds(user).await?.into_iter().collect();
    let devices = visit.app.devices.list(user).await?.into_iter();
    let wanted = devices.filter(|device| only.is_none_or(|only| device.device_id == only));
    Ok(wanted.map(|device| listed(&kinds, device)).collect())
}

fn listed(kinds: &HashMap<OwnedDeviceId, SessionKind>, device: Device) -> Listed {
    let kind = match kinds.get(&device.device_id).copied().unwrap_or_default() {
        SessionKind::Legacy => "signed in by password or browser",
        SessionKind::AppPassword => "signed in by an app password",
        SessionKind::PersonalToken => "a personal access token",
        SessionKind::OAuth => "let in as an app",
        SessionKind::AppService => "of an application service",
    };
    Listed {
        name: device.display_name.unwrap_or_else(|| device.device_id.to_string()),
        id: device.device_id.to_string(),
        kind,
        seen: device.last_seen_ts.map(|at| moment::shown(i64::from(at.get()))),
        address: device.last_seen_ip,
    }
}

async fn browsers(visit: &Visit, session: &BrowserSession) -> Result<Vec<Browser>> {
    let all = visit.app.accounts.browser_sessions.list(session).await?;
    let browser = |session: crate::accounts::browser_sessions::ListedSession| Browser {
        agent: session.agent.unwrap_or_else(|| "?".to_owned()),
        since: moment::shown(session.created_at),
        is_this: session.is_this,
    };
    Ok(all.into_iter().map(browser).collect())
}
