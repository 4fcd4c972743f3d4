//! Signing in at an identity provider: the way there and back.

use super::{
    Page,
    account::identities::HERE,
    arrival,
    next::Next,
    reply::Reply,
    visit::{Visit, query},
};
use crate::{
    access::rate_limits::{Action, Subject},
    accounts::identities::{Browser, Outcome, Purpose},
    remote::identity_providers::Return,
};

/// `GET /login/with/{provider}`
pub(super) async fn begin(visit: Visit) -> Page {
    let next = Next::parse_or_account(visit.query.text("next"));
    let purpose = match (&visit.signed_in, visit.query.get("again")) {
        (Some(session), Some(_)) => Purpose::Again(session.user.nid),
        (Some(_), None) => return Ok(Reply::to(next.as_str())),
        (None, _) => Purpose::SignIn,
    };
    let providers = &visit.app.identity_providers;
    let url = providers.begin(id(&visit), purpose, &visit.jar.visitor, next.as_str()).await?;
    Ok(Reply::to(url))
}

/// `GET /login/with/{provider}/done`
pub(super) async fn finish(visit: Visit) -> Page {
    visit.app.access.rate_limits.take(Action::Login, Subject::address(visit.origin.address))?;
    let back = Return {
        state: visit.query.text("state"),
        code: visit.query.get("code"),
        error: visit.query.get("error"),
        iss: visit.query.get("iss"),
    };
    let session = visit.signed_in.as_ref().or(visit.halfway.as_ref());
    let browser = Browser { visitor: &visit.jar.visitor, origin: &visit.origin, session };
    let (outcome, next) = visit.app.identity_providers.finish(id(&visit), back, browser).await?;
    let next = Next::parse_or_account(&next);
    Ok(match outcome {
        Outcome::SignedIn(token) => Reply::to(next.as_str()).with_session(Some(token)),
        Outcome::AwaitsCode(token) => {
            Reply::to(format!("/login/code?{}", query(&[("next", next.as_str())]))).with_session(Some(token))
        }
        Outcome::Linked => Reply::to(format!("{HERE}?saved=1")),
        Outcome::Arrives(token) => Reply::to(format!("{}?{}", arrival::HERE, query(&[("arrival", &token)]))),
    })
}

fn id(visit: &Visit) -> &str {
    visit.path_args.first().map_or("", String::as_str)
}
