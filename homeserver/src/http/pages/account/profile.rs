//! What others see of somebody.

use askama::Template;
use serde_json::{Value, json};

use crate::{
    Error,
    access::feature::Feature,
    http::pages::{
        Page,
        account::{Heading, place},
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
}

/// `GET /account`
pub(in crate::http::pages) async fn show(visit: Visit) -> Page {
    if let Some(reply) = place(&visit) {
        return Ok(reply);
    }
    let session = visit.member("/account")?;
    let name = match visit.app.accounts.profiles.field(&session.user.id, "displayname").await {
        Ok(name) => serde_json::from_str::<Value>(&name).ok().and_then(|name| name.as_str().map(ToOwned::to_owned)),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error.into()),
    };
    let frame = visit.frame().with_notice((visit.query.get("saved").is_some()).then(|| "It is saved.".to_owned()));
    let page = Profile { frame, head: Heading::of(&visit, session, "/account"), name: name.unwrap_or_default() };
    Ok(Reply::page(&page))
}

/// `POST /account`
pub(in crate::http::pages) async fn submit(visit: Visit) -> Page {
    let session = visit.member("/account")?;
    if session.user.is_suspended {
        return Err(Error::forbidden("This account is suspended: it can read, but not do this.").into());
    }
    visit.app.access.gates.feature(&session.user.visitor(), Feature::ChangeProfile).await?;
    let name = visit.form.text("name").trim();
    let profiles = &visit.app.accounts.profiles;
    let change = profiles.set(&session.user, &session.user.id, "displayname", Some(json!(name))).await?;
    visit.app.memberships.follow(change).await;
    Ok(Reply::to("/account?saved=1"))
}
