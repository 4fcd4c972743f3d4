//! Accounts at identity providers that open this one.

use askama::Template;

use crate::{
    accounts::identities::Purpose,
    http::pages::{
        Page,
        account::Heading,
        moment, refusal,
        reply::Reply,
        visit::{Frame, Visit},
    },
};

pub(in crate::http::pages) const HERE: &str = "/account/identities";

#[derive(Template)]
#[template(path = "account/identities.html")]
struct Identities {
    frame: Frame,
    head: Heading,
    identities: Vec<Item>,
    /// The names of providers in addresses, and what they are called.
    providers: Vec<(String, String)>,
}

struct Item {
    id: String,
    provider: String,
    label: String,
    about: String,
}

/// `GET /account/identities`
pub(in crate::http::pages) async fn show(visit: Visit) -> Page {
    let frame = visit.frame().with_notice(visit.query.get("saved").map(|_| "It is saved.".to_owned()));
    page(&visit, frame).await
}

/// `POST /account/identities/link`
pub(in crate::http::pages) async fn link(visit: Visit) -> Page {
    let session = visit.fresh(HERE)?;
    let (id, purpose) = (visit.form.text("provider"), Purpose::Link(session.user.nid));
    let url = visit.app.identity_providers.begin(id, purpose, &visit.jar.visitor, HERE).await?;
    Ok(Reply::to(url))
}

/// `POST /account/identities/unlink`
pub(in crate::http::pages) async fn unlink(visit: Visit) -> Page {
    let session = visit.fresh(HERE)?;
    match visit.app.accounts.identities.unlink(session, visit.form.text("id")).await {
        Ok(()) => Ok(Reply::to(format!("{HERE}?saved=1"))),
        Err(error) => {
            let (status, message) = refusal(error)?;
            Ok(page(&visit, visit.frame().with_alarm(message)).await?.with_status(status))
        }
    }
}

async fn page(visit: &Visit, frame: Frame) -> Page {
    let session = visit.member(HERE)?;
    let identities = &visit.app.accounts.identities;
    let linked = identities.list(session.user.nid).await?.into_iter().map(|of| Item {
        about: times(&frame, of.created_at_ms, of.used_at_ms),
        id: of.id,
        provider: of.provider,
        label: of.label,
    });
    let page = Identities {
        head: Heading::of(visit, session, HERE),
        identities: linked.collect(),
        providers: identities.providers().iter().map(|of| (of.id.clone(), of.name.clone())).collect(),
        frame,
    };
    // The form that links an account leads to its provider.
    Ok(Reply::page(&page).leaving())
}

fn times(frame: &Frame, linked: i64, used: i64) -> String {
    let (linked, used) = (moment::shown(linked), moment::shown(used));
    format!("{} {linked} · {} {used}", frame.say("linked"), frame.say("last used"))
}
