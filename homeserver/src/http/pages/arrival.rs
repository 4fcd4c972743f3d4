//! Making an account for somebody whom an identity provider knows.

use askama::Template;

use super::{
    Page,
    next::Next,
    refusal,
    reply::Reply,
    visit::{Frame, Visit},
};
use crate::{
    Result,
    access::rate_limits::{Action, Subject},
    accounts::{identities::Arrival, terms::Shown},
};

pub(super) const HERE: &str = "/register/with";

#[derive(Template)]
#[template(path = "arrival.html")]
struct Arrived {
    frame: Frame,
    /// The token by which it is known who arrived.
    arrival: String,
    provider: String,
    label: String,
    name: String,
    is_fixed: bool,
    terms: Vec<Shown>,
}

/// `GET /register/with`
pub(super) async fn show(visit: Visit) -> Page {
    let token = visit.query.text("arrival");
    let arrival = arrival(&visit, token).await?;
    let name = arrival.person.localpart.clone().unwrap_or_default();
    Ok(Reply::page(&page(&visit, visit.frame(), &arrival, name)))
}

/// `POST /register/with`
pub(super) async fn submit(visit: Visit) -> Page {
    visit.app.access.rate_limits.take(Action::Registration, Subject::address(visit.origin.address))?;
    let token = visit.form.text("arrival");
    let arrival = arrival(&visit, token).await?;
    let name = visit.form.text("name").trim();
    match make_account(&visit, &arrival, name).await {
        Ok(session) => {
            let next = Next::parse_or_account(&arrival.next);
            Ok(Reply::to(next.as_str()).with_session(Some(session)))
        }
        Err(error) => {
            let (status, message) = refusal(error)?;
            let name = if arrival.has_fixed_localpart { arrival.person.localpart.as_deref() } else { Some(name) };
            let name = name.unwrap_or_default().to_owned();
            Ok(Reply::page(&page(&visit, visit.frame().with_alarm(message), &arrival, name)).with_status(status))
        }
    }
}

async fn make_account(visit: &Visit, arrival: &Arrival, name: &str) -> Result<String> {
    visit.app.accounts.terms.check_accepted(&visit.terms(), visit.form.all("terms"))?;
    visit.app.accounts.identities.make_account(arrival, name, &visit.origin).await
}

async fn arrival(visit: &Visit, token: &str) -> Result<Arrival> {
    visit.app.accounts.identities.arrival(token, &visit.jar.visitor).await
}

fn page(visit: &Visit, frame: Frame, arrival: &Arrival, name: String) -> Arrived {
    Arrived {
        frame,
        arrival: arrival.token.clone(),
        provider: arrival.provider.clone(),
        label: arrival.person.label.clone(),
        name,
        is_fixed: arrival.has_fixed_localpart,
        terms: visit.terms(),
    }
}
