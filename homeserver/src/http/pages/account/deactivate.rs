//! The end of an account.

use askama::Template;

use crate::http::pages::{
    Page,
    account::Heading,
    fallback::Done,
    reply::Reply,
    visit::{Frame, Visit},
};

const HERE: &str = "/account/deactivate";

#[derive(Template)]
#[template(path = "account/deactivate.html")]
struct Deactivate {
    frame: Frame,
    head: Heading,
}

/// `GET /account/deactivate`
pub(in crate::http::pages) async fn show(visit: Visit) -> Page {
    let session = visit.fresh(HERE)?;
    Ok(Reply::page(&Deactivate { frame: visit.frame(), head: Heading::of(&visit, session, HERE) }))
}

/// `POST /account/deactivate`
pub(in crate::http::pages) async fn submit(visit: Visit) -> Page {
    let session = visit.fresh(HERE)?;
    if visit.form.text("name").trim() != session.user.id.as_str() {
        let frame = visit.frame().with_alarm("This is not your user ID.".to_owned());
        let page = Deactivate { frame, head: Heading::of(&visit, session, HERE) };
        return Ok(Reply::page(&page).with_status(400));
    }
    let is_erased = visit.form.get("erase").is_some();
    visit.app.accounts.administration.deactivate(&session.user.id, is_erased).await?;
    let message = "The account is deactivated. You can close this page.";
    Ok(Done::page(visit.frame(), message).with_session(None))
}
