//! Changing the password.

use askama::Template;

use crate::{
    Error, Result,
    accounts::browser_sessions::BrowserSession,
    http::pages::{
        Page,
        account::Heading,
        refusal,
        reply::Reply,
        visit::{Frame, Visit},
    },
};

#[derive(Template)]
#[template(path = "account/password.html")]
struct Password {
    frame: Frame,
    head: Heading,
}

const HERE: &str = "/account/password";

/// `GET /account/password`
pub(in crate::http::pages) async fn show(visit: Visit) -> Page {
    let session = visit.fresh(HERE)?;
    Ok(Reply::page(&Password { frame: visit.frame(), head: Heading::of(&visit, session, HERE) }))
}

/// `POST /account/password`
pub(in crate::http::pages) async fn submit(visit: Visit) -> Page {
    let session = visit.fresh(HERE)?;
    match change(&visit, session).await {
        Ok(token) => Ok(Reply::to("/account?saved=1").with_session(Some(token))),
        Err(error) => {
            let (status, message) = refusal(error)?;
            let frame = visit.frame().with_alarm(message);
            let page = Password { frame, head: Heading::of(&visit, session, HERE) };
            Ok(Reply::page(&page).with_status(status))
        }
    }
}

/// Changes the password; the token of the browser's session from now on.
async fn change(visit: &Visit, session: &BrowserSession) -> Result<String> {
    let (form, accounts) = (&visit.form, &visit.app.accounts);
    if form.text("password") != form.text("repeated") {
        return Err(Error::invalid_param("The two passwords are not the same."));
    }
    let ends_devices = form.get("everywhere").is_some();
    accounts.administration.change_password_on_page(session, form.text("password"), ends_devices).await?;
    accounts.browser_sessions.begin_proved(session.user.nid, &visit.origin).await
}
