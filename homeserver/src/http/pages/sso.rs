//! Signing in to a client by the pages of this server. Client-server API, "SSO client
//! login/authentication".

use askama::Template;

use super::{
    Page,
    reply::Reply,
    visit::{Frame, Visit, query},
};
use crate::{accounts::login::SsoTarget, config::identity_providers::HERE, http::pages::next::Next};

/// Where clients send their users; those with a provider's name come to the same pages over the provider.
pub(super) const REDIRECT: [&str; 4] = [
    "/_matrix/client/v3/login/sso/redirect",
    "/_matrix/client/r0/login/sso/redirect",
    "/_matrix/client/v3/login/sso/redirect/{idp_id}",
    "/_matrix/client/r0/login/sso/redirect/{idp_id}",
];

#[derive(Template)]
#[template(path = "consent.html")]
pub(super) struct Consent {
    pub frame: Frame,
    /// What the application calls itself.
    pub app: String,
    pub user: String,
    /// What else is known of it: a name, a value, and whether that is a link.
    pub facts: Vec<(&'static str, String, bool)>,
    pub action: String,
    pub fields: Vec<(&'static str, String)>,
    pub next: Next,
}

#[derive(Template)]
#[template(path = "leave.html")]
pub(super) struct Leave {
    pub frame: Frame,
    pub url: String,
    pub is_allowed: bool,
}

/// `GET /_matrix/client/v3/login/sso/redirect`
pub(super) async fn redirect(visit: Visit) -> Page {
    let target = SsoTarget::parse(visit.query.text("redirectUrl"))?;
    let page = format!("/sso?{}", query(&[("redirectUrl", target.as_str())]));
    match visit.path_args.first().map(String::as_str) {
        None | Some(HERE) => {}
        Some(id) => {
            let provider = visit.app.accounts.identities.provider(id)?;
            return Ok(Reply::found(format!("/login/with/{}?{}", provider.id, query(&[("next", &page)]))));
        }
    }
    let action = visit.query.get("action").or_else(|| visit.query.get("org.matrix.msc3824.action"));
    let is_open = visit.app.accounts.registration.check_open().is_ok();
    if action == Some("register") && is_open && visit.signed_in.is_none() {
        return Ok(Reply::found(format!("/register?{}", query(&[("next", &page)]))));
    }
    Ok(Reply::found(page))
}

/// `GET /sso`
pub(super) async fn show(visit: Visit) -> Page {
    let target = SsoTarget::parse(visit.query.text("redirectUrl"))?;
    let session = visit.entitled().await?;
    let page = Consent {
        app: target.shown(),
        user: session.user.id.to_string(),
        facts: vec![("Address", target.as_str().to_owned(), false)],
        action: visit.location.clone(),
        fields: Vec::new(),
        next: visit.back(),
        frame: visit.frame(),
    };
    Ok(Reply::page(&page).leaving())
}

/// `POST /sso`
pub(super) async fn submit(visit: Visit) -> Page {
    let target = SsoTarget::parse(visit.query.text("redirectUrl"))?;
    let session = visit.entitled().await?;
    if visit.form.get("decision") != Some("allow") {
        return Ok(Reply::to("/account"));
    }
    let token = visit.app.accounts.login.issue_sso_token(session, &target.shown()).await?;
    let url = target.with_token(&token);
    if target.is_site() {
        return Ok(Reply::to(url));
    }
    // Some browsers open an app only where somebody has followed a link.
    Ok(Reply::page(&Leave { frame: visit.frame(), url, is_allowed: true }))
}
