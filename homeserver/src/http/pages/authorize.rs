//! Letting an application in by OAuth. Client-server API, "Authorisation code flow".

use super::{
    Page,
    interruption::Interruption,
    reply::Reply,
    sso::{Consent, Leave},
    visit::{Visit, query},
};
use crate::{
    Error,
    accounts::{
        browser_sessions::BrowserSession,
        oauth::{Authorization, Parameters, Return, Verdict},
    },
};

/// `GET /oauth2/authorize`
pub(super) async fn show(visit: Visit) -> Page {
    let authorization = read(&visit).await?;
    let session = entitled(&visit, &authorization).await?;
    let page = Consent {
        app: authorization.client.name().to_owned(),
        user: session.user.id.to_string(),
        facts: facts(&authorization),
        action: visit.location.clone(),
        fields: Vec::new(),
        next: visit.back(),
        frame: visit.frame(),
    };
    Ok(Reply::page(&page).leaving())
}

/// `POST /oauth2/authorize`
pub(super) async fn submit(visit: Visit) -> Page {
    let authorization = read(&visit).await?;
    let session = entitled(&visit, &authorization).await?;
    let oauth = &visit.app.accounts.oauth;
    if visit.form.get("decision") == Some("allow") {
        let back = oauth.allow(&authorization, session).await?;
        Ok(leave(&visit, back, true))
    } else {
        Ok(leave(&visit, oauth.deny(&authorization, session)?, false))
    }
}

/// What the application asks for. Where that is wrong, its user is sent back to it, but only somebody
/// who is signed in: anybody can register an application, and a link to this server must not lead
/// strangers anywhere (RFC 9700 section 4.11.2).
async fn read(visit: &Visit) -> Result<Authorization, Interruption> {
    let oauth = &visit.app.accounts.oauth;
    if !oauth.is_served() {
        return Err(Error::not_found("Apps cannot be let in this way on this server.").into());
    }
    let query = visit.location.split_once('?').map_or("", |(_, query)| query);
    match oauth.read(&Parameters::parse(query.as_bytes())).await? {
        Verdict::Sound(authorization) => Ok(*authorization),
        Verdict::Refused(back) => {
            visit.member(&visit.location)?;
            Err(leave(visit, back, false).into())
        }
    }
}

/// Who may let the application in, after having proved it anew where the application wants that.
async fn entitled<'a>(visit: &'a Visit, authorization: &Authorization) -> Result<&'a BrowserSession, Interruption> {
    if visit.signed_in.is_none() {
        return Err(to_sign_in(visit, authorization).into());
    }
    let session = visit.entitled().await?;
    if authorization.wants_fresh_proof() && !visit.app.accounts.browser_sessions.is_fresh(session) {
        return Err(visit.to_sign_in_again().into());
    }
    Ok(session)
}

/// Leads to the page where somebody signs in or makes an account, as the application wishes.
fn to_sign_in(visit: &Visit, authorization: &Authorization) -> Reply {
    let back = visit.back();
    if authorization.wants_account() && visit.app.accounts.registration.check_open().is_ok() {
        return Reply::to(format!("/register?{}", query(&[("next", back.as_str())])));
    }
    let hint = authorization.hint().unwrap_or_default();
    Reply::to(format!("/login?{}", query(&[("next", back.as_str()), ("name", hint)])))
}

/// Leads back to the application.
fn leave(visit: &Visit, back: Return, is_allowed: bool) -> Reply {
    if back.needs_gesture {
        return Reply::page(&Leave { frame: visit.frame(), url: back.url, is_allowed });
    }
    Reply::to(back.url)
}

fn facts(authorization: &Authorization) -> Vec<(&'static str, String, bool)> {
    let metadata = &authorization.client.metadata;
    let mut facts = vec![
        ("Site", metadata.client_uri.to_string(), true),
        ("Comes back to", authorization.redirect_uri.clone(), false),
        ("Device", authorization.device_id().to_owned(), false),
    ];
    facts.extend(metadata.tos_uri.iter().map(|uri| ("Terms", uri.clone(), true)));
    facts.extend(metadata.policy_uri.iter().map(|uri| ("Privacy", uri.clone(), true)));
    facts
}
