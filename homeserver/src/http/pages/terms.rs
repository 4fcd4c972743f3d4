//! Documents that people have to accept: reading them, and accepting new versions.

use askama::Template;

use super::{
    Page,
    next::Next,
    refusal,
    reply::Reply,
    visit::{Frame, Visit},
};
use crate::{Error, accounts::terms::Shown};

/// Where somebody accepts new versions; no document has this name.
pub(super) const ACCEPT: &str = "/login/terms";

#[derive(Template)]
#[template(path = "terms.html")]
struct Text {
    frame: Frame,
    name: String,
    paragraphs: Vec<String>,
}

#[derive(Template)]
#[template(path = "accept.html")]
struct Accept {
    frame: Frame,
    next: Next,
    terms: Vec<Shown>,
}

/// `GET /terms/{id}`
pub(super) async fn text(visit: Visit) -> Page {
    let id = visit.path_args.first().map_or("", String::as_str);
    let frame = visit.frame();
    let language = visit.query.get("language").unwrap_or_else(|| frame.language.code());
    let found = visit.app.accounts.terms.text(id, language);
    let (name, text) = found.ok_or_else(|| Error::not_found("There is no such document."))?;
    let paragraphs = text.replace("\r\n", "\n").split("\n\n").map(|paragraph| paragraph.trim().to_owned()).collect();
    Ok(Reply::page(&Text { frame, name: name.to_owned(), paragraphs }))
}

/// `GET /login/terms`
pub(super) async fn show(visit: Visit) -> Page {
    let session = visit.member(&visit.location)?;
    let next = Next::parse_or_account(visit.query.text("next"));
    let terms = visit.missing_terms(session).await?;
    if terms.is_empty() {
        return Ok(Reply::to(next.as_str()));
    }
    Ok(Reply::page(&Accept { frame: visit.frame(), next, terms }))
}

/// `POST /login/terms`
pub(super) async fn accept(visit: Visit) -> Page {
    let session = visit.member("/account")?;
    let next = Next::parse_or_account(visit.form.text("next"));
    let terms = visit.missing_terms(session).await?;
    match visit.app.accounts.terms.check_accepted(&terms, visit.form.all("terms")) {
        Ok(()) => {
            visit.app.accounts.terms.accept(session).await?;
            Ok(Reply::to(next.as_str()))
        }
        Err(error) => {
            let (status, message) = refusal(error)?;
            let frame = visit.frame().with_alarm(message);
            Ok(Reply::page(&Accept { frame, next, terms }).with_status(status))
        }
    }
}
