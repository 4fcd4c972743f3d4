//! The pages that the server shows to people: plain HTML without scripts, rendered here.
//!
//! Every page passes [`page`]: rate limit, language, session, and for forms the proof that this
//! server gave them to this browser.

mod assets;
mod cookies;
mod fallback;
mod fields;
mod language;
mod login_fallback;
mod next;
mod register;
mod reply;
mod sign_in;
mod sso;
mod visit;

use std::future::Future;

use askama::Template;
use http::Method;

use self::{
    next::Next,
    reply::Reply,
    visit::{Frame, Visit},
};
use super::{
    endpoint::{Route, custom},
    error,
};
use crate::{
    Error, Result,
    access::rate_limits::{Action, Subject},
};

/// All pages.
#[rustfmt::skip]
pub fn routes() -> Vec<Route> {
    vec![
        assets::style(),
        assets::auth_done(),
        assets::login_done(),

        page(Method::GET, &["/login"], sign_in::show),
        page(Method::POST, &["/login"], sign_in::submit),
        page(Method::GET, &["/login/code"], sign_in::show_code),
        page(Method::POST, &["/login/code"], sign_in::submit_code),
        page(Method::POST, &["/logout"], sign_in::leave),
        page(Method::GET, &["/register"], register::show),
        page(Method::POST, &["/register"], register::submit),

        // Modules: SSO client login
        page(Method::GET, &sso::REDIRECT, sso::redirect),
        page(Method::GET, &["/sso"], sso::show),
        page(Method::POST, &["/sso"], sso::submit),

        // User-interactive authentication, "Fallback"
        page(Method::GET, &fallback::PATHS, fallback::show),
        page(Method::POST, &fallback::PATHS, fallback::submit),

        // "Login Fallback"
        page(Method::GET, &login_fallback::PATHS, login_fallback::show),
        page(Method::POST, &login_fallback::PATHS, login_fallback::submit),
    ]
}

/// A page, or what its form does. What is refused becomes a page too.
fn page<H, F>(method: Method, paths: &[&str], handler: H) -> Route
where
    H: Fn(Visit) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Result<Reply>> + Send + 'static,
{
    custom(method, paths, move |app, incoming| async move {
        let address = Subject::address(incoming.origin.address);
        app.access.rate_limits.take(Action::Anonymous, address)?;
        let visit = Visit::of(app, incoming).await?;
        let (frame, jar) = (visit.frame(), visit.jar.clone());
        let reply = match visit.check_form() {
            Ok(()) => handler(visit).await,
            Err(refusal) => Err(refusal),
        };
        reply.unwrap_or_else(|error| failure(frame, &error, None)).answer(&jar)
    })
}

#[derive(Template)]
#[template(path = "failure.html")]
struct Failure {
    frame: Frame,
    message: String,
    next: Option<Next>,
}

/// The page that tells of `error`; with `next`, it offers to sign in as somebody else for that.
fn failure(frame: Frame, error: &Error, next: Option<Next>) -> Reply {
    let (status, message) = error::told(error);
    Reply::page(&Failure { frame, message: message.into_owned(), next }).with_status(status)
}

/// What is refused to somebody who filled in a form, for the form to be shown again; other errors
/// stay what they are.
fn refusal(error: Error) -> Result<(u16, String)> {
    match error {
        Error::Refused { .. } => {
            let (status, message) = error::told(&error);
            Ok((status, message.into_owned()))
        }
        other => Err(other),
    }
}
