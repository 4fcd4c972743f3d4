//! The page on which people look after their accounts, and where applications send them. Client-server
//! API, "OAuth 2.0 API", "Account management".

pub(super) mod access;
pub(super) mod activity;
pub(super) mod avatar;
pub(super) mod deactivate;
pub(super) mod devices;
pub(super) mod emails;
pub(super) mod identities;
pub(super) mod password;
pub(super) mod profile;
pub(super) mod reset;
pub(super) mod two_factor;

use super::{
    reply::Reply,
    visit::{Visit, query},
};
use crate::{Error, Result, access::feature::Feature, accounts::browser_sessions::BrowserSession, error::ErrorKind};

/// The parts of the page.
const PLACES: [(&str, &str); 8] = [
    ("/account", "Profile"),
    ("/account/devices", "Devices"),
    ("/account/two-factor", "Two-factor authentication"),
    (emails::HERE, "E-mail addresses"),
    (identities::HERE, "Linked accounts"),
    ("/account/access", "Apps and bots"),
    ("/account/password", "Password"),
    ("/account/activity", "Activity"),
];

/// What every part shows around its content.
struct Heading {
    /// The parts that there are on this server.
    places: Vec<(&'static str, &'static str)>,
    /// This one.
    here: &'static str,
    /// Whose account it is.
    user: String,
}

impl Heading {
    fn of(visit: &Visit, session: &BrowserSession, here: &'static str) -> Self {
        let accounts = &visit.app.accounts;
        let is_there = |(path, _): &(&'static str, &'static str)| match *path {
            emails::HERE => accounts.emails.are_possible(),
            identities::HERE => !accounts.identities.providers().is_empty(),
            _ => true,
        };
        Self { places: PLACES.into_iter().filter(is_there).collect(), here, user: session.user.id.to_string() }
    }
}

/// Refuses what suspended people may not do, and what a rule keeps from who is signed in.
async fn permit(visit: &Visit, session: &BrowserSession, feature: Feature) -> Result<()> {
    if session.user.is_suspended {
        let message = "This account is suspended: it can read, but not do this.";
        return Err(Error::refused(ErrorKind::UserSuspended, message));
    }
    visit.app.access.gates.feature(&session.user.visitor(), feature).await
}

/// Where an application sends its user with an action.
fn place(visit: &Visit) -> Option<Reply> {
    let device_id = visit.query.text("device_id");
    let path = match visit.query.get("action")? {
        "org.matrix.devices_list" | "org.matrix.sessions_list" => "/account/devices".to_owned(),
        "org.matrix.device_view"
        | "org.matrix.session_view"
        | "org.matrix.device_delete"
        | "org.matrix.session_end" => format!("/account/devices?{}", query(&[("device_id", device_id)])),
        "org.matrix.account_deactivate" => "/account/deactivate".to_owned(),
        "org.matrix.cross_signing_reset" => "/account/reset".to_owned(),
        _ => return None,
    };
    Some(Reply::to(path))
}
