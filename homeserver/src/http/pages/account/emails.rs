//! The e-mail addresses of an account.

use askama::Template;

use crate::{
    Error, Result,
    access::{
        feature::Feature,
        rate_limits::{Action, Subject},
    },
    accounts::{browser_sessions::BrowserSession, emails::Purpose},
    http::pages::{
        Page,
        account::Heading,
        email_proof, moment, refusal,
        reply::Reply,
        visit::{Frame, Visit, query},
    },
};

pub(in crate::http::pages) const HERE: &str = "/account/emails";

#[derive(Template)]
#[template(path = "account/emails.html")]
struct Emails {
    frame: Frame,
    head: Heading,
    emails: Vec<Item>,
    /// The attempt to prove another one, if one is made.
    sid: Option<String>,
}

struct Item {
    address: String,
    since: String,
}

/// `GET /account/emails`
pub(in crate::http::pages) async fn show(visit: Visit) -> Page {
    let frame = visit.frame().with_notice(visit.query.get("saved").map(|_| "It is saved.".to_owned()));
    let sid = visit.query.get("sid").map(ToOwned::to_owned);
    page(&visit, frame, sid).await
}

/// `POST /account/emails/add`
pub(in crate::http::pages) async fn add(visit: Visit) -> Page {
    let session = visit.fresh(HERE)?;
    visit.app.access.rate_limits.take(Action::Registration, Subject::address(visit.origin.address))?;
    let sent = begin(&visit, session, visit.form.text("email").trim()).await;
    let sent = sent.map(|sid| format!("{HERE}?{}", query(&[("sid", &sid)])));
    answer(&visit, sent, None).await
}

/// `POST /account/emails/confirm`
pub(in crate::http::pages) async fn confirm(visit: Visit) -> Page {
    let session = visit.fresh(HERE)?;
    let sid = visit.form.text("sid");
    let added = finish(&visit, session, sid).await.map(|()| format!("{HERE}?saved=1"));
    answer(&visit, added, Some(sid.to_owned())).await
}

/// `POST /account/emails/remove`
pub(in crate::http::pages) async fn remove(visit: Visit) -> Page {
    let session = visit.fresh(HERE)?;
    visit.app.accounts.emails.remove(&session.user, visit.form.text("address")).await?;
    Ok(Reply::to(format!("{HERE}?saved=1")))
}

async fn begin(visit: &Visit, session: &BrowserSession, email: &str) -> Result<String> {
    visit.app.access.gates.feature(&session.user.visitor(), Feature::AddEmail).await?;
    email_proof::send_link(visit, Purpose::Add, email).await
}

async fn finish(visit: &Visit, session: &BrowserSession, sid: &str) -> Result<()> {
    visit.app.access.gates.feature(&session.user.visitor(), Feature::AddEmail).await?;
    let proved = email_proof::proved(visit, Purpose::Add, sid).await?;
    visit.app.accounts.emails.add(&session.user, &proved).await
}

/// Leads on, or shows the page again with what is refused.
async fn answer(visit: &Visit, done: Result<String, Error>, sid: Option<String>) -> Page {
    match done {
        Ok(next) => Ok(Reply::to(next)),
        Err(error) => {
            let (status, message) = refusal(error)?;
            Ok(page(visit, visit.frame().with_alarm(message), sid).await?.with_status(status))
        }
    }
}

async fn page(visit: &Visit, frame: Frame, sid: Option<String>) -> Page {
    let session = visit.member(HERE)?;
    let emails = visit.app.accounts.emails.list(session.user.nid).await?;
    let emails = emails.into_iter().map(|of| Item { address: of.address, since: moment::shown(of.added_at) });
    let page = Emails { frame, head: Heading::of(visit, session, HERE), emails: emails.collect(), sid };
    Ok(Reply::page(&page))
}
