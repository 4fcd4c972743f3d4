//! Allowing an application to replace the cross-signing keys.

use askama::Template;

use crate::http::pages::{
    Page,
    account::Heading,
    fallback::Done,
    reply::Reply,
    visit::{Frame, Visit},
};

const HERE: &str = "/account/reset";

#[derive(Template)]
#[template(path = "account/reset.html")]
struct Reset {
    frame: Frame,
    head: Heading,
}

/// `GET /account/reset`
pub(in crate::http::pages) async fn show(visit: Visit) -> Page {
    let session = visit.fresh(HERE)?;
    Ok(Reply::page(&Reset { frame: visit.frame(), head: Heading::of(&visit, session, HERE) }))
}

/// `POST /account/reset`
pub(in crate::http::pages) async fn submit(visit: Visit) -> Page {
    let session = visit.fresh(HERE)?;
    visit.app.accounts.oauth.allow_cross_signing_reset(session).await?;
    let message = "It is allowed for ten minutes. Go back to your app.";
    Ok(Done::page(visit.frame(), message))
}
