//! Signing in: the password, then the second factor; and leaving.

use askama::Template;

use super::{
    Page,
    next::Next,
    refusal,
    reply::Reply,
    visit::{Frame, Visit, query},
};
use crate::{
    Result,
    access::rate_limits::{Action, Subject},
    accounts::browser_sessions::Stage,
};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
    next: Next,
    name: String,
    /// Who has to prove it anew.
    again: Option<String>,
    has_password: bool,
    /// The identity providers at which one may sign in: their names in addresses, and what they are called.
    providers: Vec<(String, String)>,
    may_register: bool,
}

#[derive(Template)]
#[template(path = "code.html")]
struct Code {
    frame: Frame,
    next: Next,
    is_recovery: bool,
}

/// `GET /login`
pub(super) async fn show(visit: Visit) -> Page {
    let next = Next::parse_or_account(visit.query.text("next"));
    let is_again = visit.query.get("again").is_some();
    if visit.signed_in.is_some() && !is_again {
        return Ok(Reply::to(next.as_str()));
    }
    let name = visit.query.text("name").to_owned();
    Ok(Reply::page(&form(&visit, visit.frame(), next, name, is_again).await?))
}

/// `POST /login`
pub(super) async fn submit(visit: Visit) -> Page {
    visit.app.access.rate_limits.take(Action::Login, Subject::address(visit.origin.address))?;
    let next = Next::parse_or_account(visit.form.text("next"));
    let is_again = visit.form.get("again").is_some();
    let name = match &visit.signed_in {
        Some(session) if is_again => session.user.id.to_string(),
        _ => visit.form.text("name").trim().to_owned(),
    };
    let password = visit.form.text("password");
    let former = visit.signed_in.as_ref().or(visit.halfway.as_ref());
    match visit.app.accounts.browser_sessions.sign_in(&name, password, &visit.origin, former).await {
        Ok((token, Stage::SignedIn)) => Ok(Reply::to(next.as_str()).with_session(Some(token))),
        Ok((token, Stage::Password)) => {
            let page = format!("/login/code?{}", query(&[("next", next.as_str())]));
            Ok(Reply::to(page).with_session(Some(token)))
        }
        Err(error) => {
            let (status, message) = refusal(error)?;
            let page = form(&visit, visit.frame().with_alarm(message), next, name, is_again).await?;
            Ok(Reply::page(&page).with_status(status))
        }
    }
}

/// `GET /login/code`
pub(super) async fn show_code(visit: Visit) -> Page {
    let next = Next::parse_or_account(visit.query.text("next"));
    if visit.halfway.is_none() {
        return Ok(Reply::to(format!("/login?{}", query(&[("next", next.as_str())]))));
    }
    let is_recovery = visit.query.get("recovery").is_some();
    Ok(Reply::page(&Code { frame: visit.frame(), next, is_recovery }))
}

/// `POST /login/code`
pub(super) async fn submit_code(visit: Visit) -> Page {
    visit.app.access.rate_limits.take(Action::Login, Subject::address(visit.origin.address))?;
    let next = Next::parse_or_account(visit.form.text("next"));
    let Some(session) = &visit.halfway else {
        return Ok(Reply::to(format!("/login?{}", query(&[("next", next.as_str())]))));
    };
    let code = visit.form.text("code");
    match visit.app.accounts.browser_sessions.prove_code(session, code, &visit.origin).await {
        Ok(token) => Ok(Reply::to(next.as_str()).with_session(Some(token))),
        Err(error) => {
            let (status, message) = refusal(error)?;
            let frame = visit.frame().with_alarm(message);
            let is_recovery = visit.form.get("recovery").is_some();
            Ok(Reply::page(&Code { frame, next, is_recovery }).with_status(status))
        }
    }
}

/// `POST /logout`
pub(super) async fn leave(visit: Visit) -> Page {
    if let Some(session) = visit.signed_in.as_ref().or(visit.halfway.as_ref()) {
        visit.app.accounts.browser_sessions.end(session).await?;
    }
    let next = Next::parse_or_account(visit.form.text("next"));
    Ok(Reply::to(format!("/login?{}", query(&[("next", next.as_str())]))).with_session(None))
}

async fn form(visit: &Visit, frame: Frame, next: Next, name: String, is_again: bool) -> Result<SignIn> {
    let identities = &visit.app.accounts.identities;
    let again = visit.signed_in.as_ref().filter(|_| is_again);
    let providers = match again {
        Some(session) => identities.providers_of(session.user.nid).await?,
        None => identities.providers().iter().collect(),
    };
    let again_name = again.map(|session| session.user.id.to_string());
    Ok(SignIn {
        frame,
        next,
        name: again_name.clone().unwrap_or(name),
        has_password: again.is_none_or(|session| session.has_password),
        again: again_name,
        providers: providers.into_iter().map(|provider| (provider.id.clone(), provider.name.clone())).collect(),
        may_register: visit.app.accounts.registration.check_open().is_ok(),
    })
}
