//! Stages of user-interactive authentication as pages. Client-server API, "Fallback" and "SSO during
//! User-Interactive Authentication".

use askama::Template;

use super::{
    Page, failure, refusal,
    reply::Reply,
    visit::{Frame, Visit},
};
use crate::{
    Error, Result,
    access::rate_limits::{Action, Subject},
    accounts::{
        captcha::Widget,
        interactive_auth::{Pending, Purpose},
        terms::Shown,
    },
};

pub(super) const PATHS: [&str; 2] =
    ["/_matrix/client/v3/auth/{auth_type}/fallback/web", "/_matrix/client/r0/auth/{auth_type}/fallback/web"];

#[derive(Template)]
#[template(path = "confirm.html")]
struct Confirm {
    frame: Frame,
    what: &'static str,
    user: Option<String>,
    action: String,
    needs_token: bool,
    /// The documents that are to be accepted.
    terms: Vec<Shown>,
    captcha: Option<Widget>,
}

#[derive(Template)]
#[template(path = "done.html")]
pub(super) struct Done {
    pub frame: Frame,
    pub message: &'static str,
    pub script: Option<&'static str>,
    pub response: Option<String>,
}

impl Done {
    /// A page that says what was done, and nothing else.
    pub(super) fn page(frame: Frame, message: &'static str) -> Reply {
        Reply::page(&Self { frame, message, script: None, response: None })
    }
}

/// `GET /_matrix/client/v3/auth/{authType}/fallback/web`
pub(super) async fn show(visit: Visit) -> Page {
    let pending = pending(&visit).await?;
    if let Some(reply) = proof_is_missing(&visit, &pending) {
        return Ok(reply);
    }
    Ok(form(&visit, &pending, visit.frame()))
}

/// `POST /_matrix/client/v3/auth/{authType}/fallback/web`
pub(super) async fn submit(visit: Visit) -> Page {
    let pending = pending(&visit).await?;
    if let Some(reply) = proof_is_missing(&visit, &pending) {
        return Ok(reply);
    }
    if visit.form.get("decision") != Some("allow") {
        let message = "Nothing was confirmed. You can close this page.";
        return Ok(Done::page(visit.frame(), message));
    }
    if pending.user_id.is_none() {
        visit.app.access.rate_limits.take(Action::Registration, Subject::address(visit.origin.address))?;
    }
    if let Err(error) = complete(&visit, &pending).await {
        let (status, message) = refusal(error)?;
        return Ok(form(&visit, &pending, visit.frame().with_alarm(message)).with_status(status));
    }
    let message = "It is confirmed. You can close this page and go back to your app.";
    let script = Some("/assets/auth_done.js");
    Ok(Reply::page(&Done { frame: visit.frame(), message, script, response: None }).with_script())
}

/// Completes the stage by what the form says.
async fn complete(visit: &Visit, pending: &Pending) -> Result<()> {
    let (session, form) = (visit.query.text("session"), &visit.form);
    let interactive_auth = &visit.app.accounts.interactive_auth;
    match (kind(visit), &visit.signed_in) {
        ("m.login.sso", Some(by)) => interactive_auth.complete_by_sso(session, by).await,
        ("m.login.registration_token", _) => {
            interactive_auth.complete_by_registration_token(session, form.text("token").trim()).await
        }
        ("m.login.terms", _) => {
            visit.app.accounts.terms.check_accepted(&terms(visit), form.all("terms"))?;
            interactive_auth.complete_by_terms(session).await
        }
        _ => match captcha(visit, pending) {
            Some(widget) => {
                let answer = form.text(widget.field);
                interactive_auth.complete_by_captcha(session, answer, visit.origin.address).await
            }
            None => interactive_auth.complete_by_nothing(session).await,
        },
    }
}

fn form(visit: &Visit, pending: &Pending, frame: Frame) -> Reply {
    let page = Confirm {
        frame,
        terms: terms(visit),
        captcha: captcha(visit, pending),
        what: sentence(pending.purpose),
        user: pending.user_id.as_ref().map(ToString::to_string),
        action: visit.location.clone(),
        needs_token: kind(visit) == "m.login.registration_token",
    };
    Reply::page(&page).with_captcha(page.captcha.as_ref())
}

fn captcha(visit: &Visit, pending: &Pending) -> Option<Widget> {
    visit.captcha().filter(|_| pending.wants_captcha)
}

async fn pending(visit: &Visit) -> Result<Pending> {
    visit.app.accounts.interactive_auth.pending(visit.query.text("session"), kind(visit)).await
}

/// Leads to where the user of the session proves to be present, unless that was a moment ago.
fn proof_is_missing(visit: &Visit, pending: &Pending) -> Option<Reply> {
    let wanted = pending.user_id.as_ref()?;
    match &visit.signed_in {
        None => Some(visit.to_sign_in()),
        Some(session) if session.user.id != *wanted => {
            let error = Error::forbidden("You are signed in as somebody else than the user of your app.");
            Some(failure(visit.frame(), &error, Some(visit.back())))
        }
        Some(session) if !visit.app.accounts.browser_sessions.is_fresh(session) => Some(visit.to_sign_in_again()),
        Some(_) => None,
    }
}

fn terms(visit: &Visit) -> Vec<Shown> {
    if kind(visit) == "m.login.terms" { visit.terms() } else { Vec::new() }
}

fn kind(visit: &Visit) -> &str {
    visit.path_args.first().map_or("", String::as_str)
}

fn sentence(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Register => "An app wants to make an account.",
        Purpose::ChangePassword => "An app wants to change the password of your account.",
        Purpose::Deactivate => "An app wants to deactivate your account, for ever.",
        Purpose::DeleteDevices => "An app wants to sign out devices of your account.",
        Purpose::UploadCrossSigningKeys => "An app wants to replace the keys by which others recognise you.",
        Purpose::AddEmail => "An app wants to add an e-mail address to your account.",
        Purpose::IssueLoginToken => "An app wants to sign in another app to your account.",
    }
}
