//! Making an account.

use askama::Template;

use super::{
    Page,
    next::Next,
    refusal,
    reply::Reply,
    visit::{Frame, Visit},
};
use crate::{
    Error, Result,
    access::rate_limits::{Action, Subject},
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
}

/// `GET /register`
pub(super) async fn show(visit: Visit) -> Page {
    visit.app.accounts.registration.check_open()?;
    let next = Next::parse_or_account(visit.query.text("next"));
    let page = Register {
        frame: visit.frame(),
        next,
        name: String::new(),
        token: visit.query.text("token").to_owned(),
        needs_token: needs_token(&visit),
    };
    Ok(Reply::page(&page))
}

/// `POST /register`
pub(super) async fn submit(visit: Visit) -> Page {
    visit.app.access.rate_limits.take(Action::Registration, Subject::address(visit.origin.address))?;
    let next = Next::parse_or_account(visit.form.text("next"));
    match register(&visit).await {
        Ok(token) => Ok(Reply::to(next.as_str()).with_session(Some(token))),
        Err(error) => {
            let (status, message) = refusal(error)?;
            let page = Register {
                frame: visit.frame().with_alarm(message),
                next,
                name: visit.form.text("name").to_owned(),
                token: visit.form.text("token").to_owned(),
                needs_token: needs_token(&visit),
            };
            Ok(Reply::page(&page).with_status(status))
        }
    }
}

/// Makes the account that the form asks for; the token of its first session on the pages.
async fn register(visit: &Visit) -> Result<String> {
    let form = &visit.form;
    if form.text("password") != form.text("repeated") {
        return Err(Error::invalid_param("The two passwords are not the same."));
    }
    let accounts = &visit.app.accounts;
    let name = form.text("name").trim();
    let user =
        accounts.registration.register_on_page(name, form.text("password"), form.get("token"), &visit.origin).await?;
    accounts.browser_sessions.begin_proved(user, &visit.origin).await
}

fn needs_token(visit: &Visit) -> bool {
    visit.app.config.registration.mode == RegistrationMode::Token
}
