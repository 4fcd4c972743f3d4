//! Setting up, replacing and turning off the second factor.

use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    accounts::{browser_sessions::BrowserSession, factors::RecoveryCodes},
    http::pages::{
        Page,
        account::Heading,
        moment,
        next::Next,
        refusal,
        reply::Reply,
        visit::{Frame, Visit, query},
    },
};

const HERE: &str = "/account/two-factor";
/// So few recovery codes are worth a warning.
const FEW_CODES: usize = 3;

#[derive(Template)]
#[template(path = "account/two_factor.html")]
struct TwoFactor {
    frame: Frame,
    head: Heading,
    state: Option<State>,
    is_required: bool,
    next: Option<Next>,
}

struct State {
    since: String,
    recovery_codes: usize,
    is_short: bool,
}

#[derive(Template)]
#[template(path = "account/enrolment.html")]
struct Enrolment {
    frame: Frame,
    head: Heading,
    qr: String,
    url: String,
    secret: String,
    next: Option<Next>,
}

#[derive(Template)]
#[template(path = "account/codes.html")]
struct Codes {
    frame: Frame,
    head: Heading,
    codes: RecoveryCodes,
    next: Next,
}

/// `GET /account/two-factor`
pub(in crate::http::pages) async fn show(visit: Visit) -> Page {
    let next = Next::parse(visit.query.text("next"));
    let frame = visit.frame();
    overview(&visit, frame, next).await
}

/// `POST /account/two-factor/begin`
pub(in crate::http::pages) async fn begin(visit: Visit) -> Page {
    let session = visit.fresh(&here(&visit))?;
    let factors = &visit.app.accounts.factors;
    let user_nid = session.user.nid;
    let enrolment = match factors.is_on(user_nid).await? {
        true => factors.begin_replacement(user_nid).await?,
        false => factors.begin(user_nid).await?,
    };
    let page = Enrolment {
        head: Heading::of(&visit, session, HERE),
        qr: STANDARD.encode(&*enrolment.qr_png),
        url: enrolment.url.to_string(),
        secret: enrolment.secret.to_string(),
        next: Next::parse(visit.form.text("next")),
        frame: visit.frame(),
    };
    Ok(Reply::page(&page))
}

/// `POST /account/two-factor/confirm`
pub(in crate::http::pages) async fn confirm(visit: Visit) -> Page {
    let session = visit.fresh(&here(&visit))?;
    match visit.app.accounts.factors.confirm(session, session.user.nid, visit.form.text("code")).await {
        Ok(codes) => Ok(show_codes(&visit, session, codes)),
        Err(error) => {
            let (status, message) = refusal(error)?;
            let next = Next::parse(visit.form.text("next"));
            let page = overview(&visit, visit.frame().with_alarm(message), next).await?;
            Ok(page.with_status(status))
        }
    }
}

/// `POST /account/two-factor/codes`
pub(in crate::http::pages) async fn regenerate(visit: Visit) -> Page {
    let session = visit.fresh(HERE)?;
    let codes = visit.app.accounts.factors.regenerate_recovery_codes(session, session.user.nid).await?;
    Ok(show_codes(&visit, session, codes))
}

/// `POST /account/two-factor/off`
pub(in crate::http::pages) async fn turn_off(visit: Visit) -> Page {
    let session = visit.fresh(HERE)?;
    match visit.app.accounts.factors.turn_off(session, session.user.nid, visit.form.text("code")).await {
        Ok(()) => Ok(Reply::to(HERE)),
        Err(error) => {
            let (status, message) = refusal(error)?;
            let page = overview(&visit, visit.frame().with_alarm(message), None).await?;
            Ok(page.with_status(status))
        }
    }
}

async fn overview(visit: &Visit, frame: Frame, next: Option<Next>) -> Page {
    let session = visit.member(&visit.location)?;
    let factors = &visit.app.accounts.factors;
    let state = factors.state(session.user.nid).await?.map(|state| State {
        since: moment::shown(state.since_ms),
        recovery_codes: state.recovery_codes,
        is_short: state.recovery_codes < FEW_CODES,
    });
    let is_required = !session.has_vouched_factor && factors.is_missing(session.user.nid).await?;
    let page = TwoFactor { frame, head: Heading::of(visit, session, HERE), state, is_required, next };
    Ok(Reply::page(&page))
}

fn show_codes(visit: &Visit, session: &BrowserSession, codes: RecoveryCodes) -> Reply {
    let next = Next::parse(visit.form.text("next")).or_else(|| Next::parse(HERE)).expect("it is one of the pages");
    Reply::page(&Codes { frame: visit.frame(), head: Heading::of(visit, session, HERE), codes, next })
}

/// This page, with where somebody goes from it.
fn here(visit: &Visit) -> String {
    match Next::parse(visit.form.text("next")) {
        Some(next) => format!("{HERE}?{}", query(&[("next", next.as_str())])),
        None => HERE.to_owned(),
    }
}
