//! Letting an application in by OAuth. Client-server API, "Authorisation code flow".

use super::{
    Page,
    reply::Reply,
    sso::{Consent, Leave},
    visit::{Visit, query},
};
use crate::{
    Error, Result,
    accounts::oauth::{Authorization, Parameters, Return, Verdict},
};

/// `GET /oauth2/authorize`
pub(super) async fn show(visit: Visit) -> Page {
    let authorization = match read(&visit).await? {
        Verdict::Sound(authorization) => authorization,
        Verdict::Refused(back) => return Ok(leave(&visit, back, false)),
    };
    if visit.signed_in.is_none() {
        return Ok(to_sign_in(&visit, &authorization));
    }
    let session = visit.entitled().await?;
    if authorization.wants_fresh_proof() && !visit.app.accounts.browser_sessions.is_fresh(session) {
        return Ok(visit.to_sign_in_again());
    }
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
    let authorization = match read(&visit).await? {
        Verdict::Sound(authorization) => authorization,
        Verdict::Refused(back) => return Ok(leave(&visit, back, false)),
    };
    let session = visit.entitled().await?;
    let oauth = &visit.app.accounts.oauth;
    if visit.form.get("decision") == Some("allow") {
        let back = oauth.allow(&authorization, session).await?;
        Ok(leave(&visit, back, true))
    } else {
        Ok(leave(&visit, oauth.deny(&authorization)?, false))
    }
}

async fn read(visit: &Visit) -> Result<Verdict> {
    let oauth = &visit.app.accounts.oauth;
    if !oauth.is_served() {
        return Err(Error::not_found("Apps cannot be let in this way on this server."));
    }
    let query = visit.location.split_once('?').map_or("", |(_, query)| query);
    oauth.read(&Parameters::parse(query.as_bytes())).await
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
