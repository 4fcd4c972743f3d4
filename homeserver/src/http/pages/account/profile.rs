//! What others see of somebody.

use askama::Template;
use serde_json::{Value, json};

use super::{Heading, permit, place};
use crate::{
    Result,
    access::feature::Feature,
    accounts::browser_sessions::BrowserSession,
    http::pages::{
        Page, refusal,
        reply::Reply,
        visit::{Frame, Visit},
    },
};

#[derive(Template)]
#[template(path = "account/profile.html")]
struct Profile {
    frame: Frame,
    head: Heading,
    name: String,
    has_avatar: bool,
}

/// `GET /account`
pub(in crate::http::pages) async fn show(visit: Visit) -> Page {
    if let Some(reply) = place(&visit) {
        return Ok(reply);
    }
    let session = visit.member("/account")?;
    let frame = visit.frame().with_notice((visit.query.get("saved").is_some()).then(|| "It is saved.".to_owned()));
    Ok(page(&visit, session, frame).await?)
}

/// `POST /account`
pub(in crate::http::pages) async fn submit(visit: Visit) -> Page {
    let session = visit.member("/account")?;
    match rename(&visit, session).await {
        Ok(()) => Ok(Reply::to("/account?saved=1")),
        Err(error) => {
            let (status, message) = refusal(error)?;
            Ok(page(&visit, session, visit.frame().with_alarm(message)).await?.with_status(status))
        }
    }
}

async fn rename(visit: &Visit, session: &BrowserSession) -> Result<()> {
    permit(visit, session, Feature::ChangeProfile).await?;
    let (profiles, name) = (&visit.app.accounts.profiles, json!(visit.form.text("name").trim()));
    let change = profiles.set(&session.user, &session.user.id, "displayname", Some(name)).await?;
    visit.app.memberships.follow(change).await;
    Ok(())
}

/// The profile of who is signed in.
pub(super) async fn page(visit: &Visit, session: &BrowserSession, frame: Frame) -> Result<Reply> {
    let name = text(visit, session, "displayname").await?.unwrap_or_default();
    let has_avatar = text(visit, session, "avatar_url").await?.is_some();
    Ok(Reply::page(&Profile { frame, head: Heading::of(visit, session, "/account"), name, has_avatar }))
}

/// What a field of the profile says.
pub(super) async fn text(visit: &Visit, session: &BrowserSession, field: &str) -> Result<Option<String>> {
    match visit.app.accounts.profiles.field(&session.user.id, field).await {
        Ok(value) => {
            let value = serde_json::from_str::<Value>(&value).ok();
            Ok(value.and_then(|value| value.as_str().map(ToOwned::to_owned)))
        }
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
