//! Making an account. Where an e-mail address is needed, it is proved first.

use askama::Template;

use super::{
    Page, email_proof,
    next::Next,
    refusal,
    reply::Reply,
    visit::{Frame, Visit, query},
};
use crate::{
    Error, Result,
    access::{
        Visitor,
        rate_limits::{Action, Subject},
    },
    accounts::{captcha::Widget, emails::Purpose, registration::PageRequest, terms::Shown},
    config::RegistrationMode,
};

#[derive(Template)]
#[template(path = "register.html")]
struct Register {
    frame: Frame,
    next: Next,
    name: String,
    token: String,
    needs_token: bool,
    terms: Vec<Shown>,
    captcha: Option<Widget>,
    /// The attempt to prove an e-mail address, where one is made.
    sid: Option<String>,
    may_prove_email: bool,
}

#[derive(Template)]
#[template(path = "register_email.html")]
struct Email {
    frame: Frame,
    next: Next,
    token: String,
    email: String,
}

/// `GET /register`
pub(super) async fn show(visit: Visit) -> Page {
    visit.app.accounts.registration.check_open()?;
    let next = Next::parse_or_account(visit.query.text("next"));
    let token = visit.query.text("token").to_owned();
    let sid = visit.query.get("sid").map(ToOwned::to_owned);
    let wants_email = needs_email(&visit) || (may_prove_email(&visit) && visit.query.get("email").is_some());
    if wants_email && sid.is_none() {
        return Ok(Reply::page(&Email { frame: visit.frame(), next, token, email: String::new() }));
    }
    Ok(page(&visit, visit.frame(), next, (String::new(), token), sid))
}

/// `POST /register/email`
pub(super) async fn send_link(visit: Visit) -> Page {
    visit.app.access.rate_limits.take(Action::Registration, Subject::address(visit.origin.address))?;
    let next = Next::parse_or_account(visit.form.text("next"));
    let (token, email) = (visit.form.text("token"), visit.form.text("email").trim());
    match send(&visit, email).await {
        Ok(sid) => {
            let fields = [("sid", sid.as_str()), ("token", token), ("next", next.as_str())];
            Ok(Reply::to(format!("/register?{}", query(&fields))))
        }
        Err(error) => {
            let (status, message) = refusal(error)?;
            let frame = visit.frame().with_alarm(message);
            let page = Email { frame, next, token: token.to_owned(), email: email.to_owned() };
            Ok(Reply::page(&page).with_status(status))
        }
    }
}

/// `POST /register`
pub(super) async fn submit(visit: Visit) -> Page {
    visit.app.access.rate_limits.take(Action::Registration, Subject::address(visit.origin.address))?;
    let next = Next::parse_or_account(visit.form.text("next"));
    match register(&visit).await {
        Ok(token) => Ok(Reply::to(next.as_str()).with_session(Some(token))),
        Err(error) => {
            let (status, message) = refusal(error)?;
            let frame = visit.frame().with_alarm(message);
            let typed = (visit.form.text("name").to_owned(), visit.form.text("token").to_owned());
            let sid = visit.form.get("sid").map(ToOwned::to_owned);
            Ok(page(&visit, frame, next, typed, sid).with_status(status))
        }
    }
}

/// Makes the account that the form asks for; the token of its first session on the pages.
async fn register(visit: &Visit) -> Result<String> {
    let (form, accounts) = (&visit.form, &visit.app.accounts);
    if form.text("password") != form.text("repeated") {
        return Err(Error::invalid_param("The two passwords are not the same."));
    }
    accounts.terms.check_accepted(&visit.terms(), form.all("terms"))?;
    let email = match form.get("sid") {
        Some(sid) => Some(email_proof::proved(visit, Purpose::Register, sid).await?),
        None => None,
    };
    let request = PageRequest {
        name: form.text("name").trim(),
        password: form.text("password"),
        token: form.text("token"),
        captcha: visit.captcha().map_or("", |widget| form.text(widget.field)),
        email,
    };
    let user = accounts.registration.register_on_page(request, &visit.origin).await?;
    accounts.browser_sessions.begin_proved(user, &visit.origin).await
}

async fn send(visit: &Visit, email: &str) -> Result<String> {
    visit.app.accounts.registration.check_open()?;
    email_proof::send_link(visit, Purpose::Register, email).await
}

fn page(visit: &Visit, frame: Frame, next: Next, (name, token): (String, String), sid: Option<String>) -> Reply {
    let page = Register {
        frame,
        next,
        name,
        token,
        needs_token: visit.app.config.registration.mode == RegistrationMode::Token,
        terms: visit.terms(),
        captcha: visit.captcha(),
        may_prove_email: sid.is_none() && may_prove_email(visit),
        sid,
    };
    Reply::page(&page).with_captcha(page.captcha.as_ref())
}

fn needs_email(visit: &Visit) -> bool {
    let visitor = Visitor { user: None, address: Some(visit.origin.address) };
    let by_rule = || may_prove_email(visit) && visit.app.access.gates.needs_email_to_register(None, &visitor);
    visit.app.config.registration.require_email || by_rule()
}

fn may_prove_email(visit: &Visit) -> bool {
    visit.app.accounts.emails.are_possible()
}
