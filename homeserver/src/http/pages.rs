//! The pages that the server shows to people: plain HTML, rendered here, without scripts but where one
//! has to be told that something is done, or a captcha is shown.
//!
//! Every page passes [`page`]: rate limit, language, session, and for forms the proof that this
//! server gave them to this browser.

mod account;
mod arrival;
mod assets;
mod authorize;
mod cookies;
mod device;
mod email_proof;
mod fallback;
mod fields;
mod interruption;
mod language;
mod login_fallback;
mod moment;
mod next;
mod provider;
mod register;
mod reply;
mod sign_in;
mod sso;
mod terms;
mod upload;
mod visit;

use std::future::Future;

use askama::Template;
use http::Method;

use self::{
    account::{
        access, activity, avatar, deactivate, devices, emails, identities, password, profile, reset, two_factor,
    },
    interruption::Interruption,
    next::Next,
    reply::Reply,
    visit::{Frame, Visit},
};
use super::{
    endpoint::{HttpAnswer, Route, custom},
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
        page(Method::GET, &["/login/with/{provider}"], provider::begin),
        page(Method::GET, &["/login/with/{provider}/done"], provider::finish),
        page(Method::POST, &["/logout"], sign_in::leave),
        page(Method::GET, &["/register"], register::show),
        page(Method::POST, &["/register"], register::submit),
        page(Method::GET, &[arrival::HERE], arrival::show),
        page(Method::POST, &[arrival::HERE], arrival::submit),

        page(Method::POST, &["/register/email"], register::send_link),
        page(Method::GET, &["/terms/{id}"], terms::text),
        page(Method::GET, &[terms::ACCEPT], terms::show),
        page(Method::POST, &[terms::ACCEPT], terms::accept),

        // "Account management"
        page(Method::GET, &["/account", "/account/"], profile::show),
        page(Method::POST, &["/account"], profile::submit),
        page(Method::GET, &["/account/avatar"], avatar::show),
        upload::upload(&["/account/avatar"], avatar::submit),
        page(Method::POST, &["/account/avatar/remove"], avatar::remove),
        page(Method::GET, &["/account/password"], password::show),
        page(Method::POST, &["/account/password"], password::submit),
        page(Method::GET, &["/account/two-factor"], two_factor::show),
        page(Method::POST, &["/account/two-factor/begin"], two_factor::begin),
        page(Method::POST, &["/account/two-factor/confirm"], two_factor::confirm),
        page(Method::POST, &["/account/two-factor/codes"], two_factor::regenerate),
        page(Method::POST, &["/account/two-factor/off"], two_factor::turn_off),
        page(Method::GET, &["/account/devices"], devices::show),
        page(Method::POST, &["/account/devices/end"], devices::end),
        page(Method::POST, &["/account/devices/end-all"], devices::end_all),
        page(Method::GET, &[emails::HERE], emails::show),
        page(Method::POST, &["/account/emails/add"], emails::add),
        page(Method::POST, &["/account/emails/confirm"], emails::confirm),
        page(Method::POST, &["/account/emails/remove"], emails::remove),
        page(Method::GET, &[identities::HERE], identities::show),
        page(Method::POST, &["/account/identities/link"], identities::link),
        page(Method::POST, &["/account/identities/unlink"], identities::unlink),
        page(Method::GET, &["/account/access"], access::show),
        page(Method::POST, &["/account/access/password"], access::make_password),
        page(Method::POST, &["/account/access/token"], access::make_token),
        page(Method::POST, &["/account/access/revoke-password"], access::revoke_password),
        page(Method::POST, &["/account/access/revoke-token"], access::revoke_token),
        page(Method::GET, &["/account/activity"], activity::show),
        page(Method::GET, &["/account/deactivate"], deactivate::show),
        page(Method::POST, &["/account/deactivate"], deactivate::submit),
        page(Method::GET, &["/account/reset"], reset::show),
        page(Method::POST, &["/account/reset"], reset::submit),

        // Modules: SSO client login
        page(Method::GET, &sso::REDIRECT, sso::redirect),
        page(Method::GET, &["/sso"], sso::show),
        page(Method::POST, &["/sso"], sso::submit),

        // User-interactive authentication, "Fallback"
        page(Method::GET, &fallback::PATHS, fallback::show),
        page(Method::POST, &fallback::PATHS, fallback::submit),

        // OAuth 2.0 API
        page(Method::GET, &["/oauth2/authorize"], authorize::show),
        page(Method::POST, &["/oauth2/authorize"], authorize::submit),
        page(Method::GET, &["/device"], device::show),
        page(Method::POST, &["/device"], device::submit),

        // "Login Fallback"
        page(Method::GET, &login_fallback::PATHS, login_fallback::show),
        page(Method::POST, &login_fallback::PATHS, login_fallback::submit),
    ]
}

/// What a handler comes to.
type Page = std::result::Result<Reply, Interruption>;

/// A page, or what its form does. What is refused becomes a page too.
fn page<H, F>(method: Method, paths: &[&str], handler: H) -> Route
where
    H: Fn(Visit) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Page> + Send + 'static,
{
    custom(method, paths, move |app, incoming| async move { answer(Visit::of(app, incoming).await?, handler).await })
}

/// Lets `handler` serve a visit, if it may be served.
async fn answer<F>(visit: Visit, handler: impl FnOnce(Visit) -> F) -> HttpAnswer
where
    F: Future<Output = Page>,
{
    let (frame, jar) = (visit.frame(), visit.jar.clone());
    let admitted = visit.app.access.rate_limits.take(Action::Anonymous, Subject::address(visit.origin.address));
    let reply = match admitted.and_then(|()| visit.check_form()) {
        Ok(()) => handler(visit).await,
        Err(refusal) => Err(refusal.into()),
    };
    let reply = reply.unwrap_or_else(|interruption| match interruption {
        Interruption::First(reply) => reply,
        Interruption::Error(error) => failure(frame, &error, None),
    });
    reply.answer(&jar)
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
        Error::Refused { .. } | Error::Denied(_) => {
            let (status, message) = error::told(&error);
            Ok((status, message.into_owned()))
        }
        other => Err(other),
    }
}
