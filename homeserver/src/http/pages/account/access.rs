//! App passwords and personal access tokens: ways in for programs.

use std::time::Duration;

use askama::Template;

use crate::{
    Result,
    accounts::personal_tokens::{PersonalTokenRequest, Scope},
    http::pages::{
        Page,
        account::Heading,
        moment, refusal,
        reply::Reply,
        visit::{Frame, Visit},
    },
};

const HERE: &str = "/account/access";
/// Seconds of a day.
const DAY_S: u64 = 24 * 3600;

#[derive(Template)]
#[template(path = "account/access.html")]
struct Access {
    frame: Frame,
    head: Heading,
    /// What was just made, to be seen once.
    secret: Option<String>,
    passwords: Vec<Item>,
    tokens: Vec<Item>,
}

struct Item {
    id: String,
    label: String,
    about: String,
}

/// `GET /account/access`
pub(in crate::http::pages) async fn show(visit: Visit) -> Page {
    let frame = visit.frame();
    page(&visit, frame, None).await
}

/// `POST /account/access/password`
pub(in crate::http::pages) async fn make_password(visit: Visit) -> Page {
    let session = visit.fresh(HERE)?;
    let made = visit.app.accounts.app_passwords.create(session, session.user.nid, visit.form.text("label")).await;
    made_known(&visit, made.map(|made| made.password.to_string())).await
}

/// `POST /account/access/token`
pub(in crate::http::pages) async fn make_token(visit: Visit) -> Page {
    let session = visit.fresh(HERE)?;
    let days: u64 = visit.form.text("days").parse().unwrap_or(30);
    let request = PersonalTokenRequest {
        label: visit.form.text("label").to_owned(),
        lifetime: (days > 0).then(|| Duration::from_secs(days.saturating_mul(DAY_S))),
        scope: if visit.form.get("read_only").is_some() { Scope::ReadOnly } else { Scope::Full },
    };
    let made = visit.app.accounts.personal_tokens.create(session, session.user.nid, &request).await;
    made_known(&visit, made.map(|made| made.token.to_string())).await
}

/// `POST /account/access/revoke-password`
pub(in crate::http::pages) async fn revoke_password(visit: Visit) -> Page {
    let session = visit.member(HERE)?;
    visit.app.accounts.app_passwords.revoke(session, session.user.nid, visit.form.text("id")).await?;
    Ok(Reply::to(HERE))
}

/// `POST /account/access/revoke-token`
pub(in crate::http::pages) async fn revoke_token(visit: Visit) -> Page {
    let session = visit.member(HERE)?;
    visit.app.accounts.personal_tokens.revoke(session, session.user.nid, visit.form.text("id").into()).await?;
    Ok(Reply::to(HERE))
}

async fn made_known(visit: &Visit, made: Result<String>) -> Page {
    match made {
        Ok(secret) => page(visit, visit.frame(), Some(secret)).await,
        Err(error) => {
            let (status, message) = refusal(error)?;
            Ok(page(visit, visit.frame().with_alarm(message), None).await?.with_status(status))
        }
    }
}

async fn page(visit: &Visit, frame: Frame, secret: Option<String>) -> Page {
    let session = visit.member(HERE)?;
    let (accounts, nid) = (&visit.app.accounts, session.user.nid);
    let passwords = accounts.app_passwords.list(nid).await?.into_iter().map(|of| Item {
        id: of.id,
        label: of.label,
        about: about(&frame, of.created_at_ms, None, of.last_used_at_ms),
    });
    let tokens = accounts.personal_tokens.list(nid).await?.into_iter().map(|of| Item {
        id: of.device_id.to_string(),
        label: of.label,
        about: about(&frame, of.created_at_ms, of.expires_at_ms, of.last_used_at_ms),
    });
    let (passwords, tokens) = (passwords.collect(), tokens.collect());
    let page = Access { frame, head: Heading::of(visit, session, HERE), secret, passwords, tokens };
    Ok(Reply::page(&page))
}

/// When it was made, when it ends, and when it was used.
fn about(frame: &Frame, made: i64, ends: Option<i64>, used: Option<i64>) -> String {
    let times = [("made", Some(made)), ("ends", ends), ("last used", used)];
    let times = times.into_iter().filter_map(|(what, at)| Some(format!("{} {}", frame.say(what), moment::shown(at?))));
    times.collect::<Vec<_>>().join(" · ")
}
