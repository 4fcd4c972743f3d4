//! Logging in for clients that know no login type of this server. Client-server API, "Login Fallback".

use serde_json::json;

use super::{Page, fallback::Done, reply::Reply, sso::Consent, visit::Visit};
use crate::accounts::sessions::SessionRequest;

pub(super) const PATHS: [&str; 2] = ["/_matrix/static/client/login/", "/_matrix/static/client/login"];

/// `GET /_matrix/static/client/login/`
pub(super) async fn show(visit: Visit) -> Page {
    let session = visit.entitled().await?;
    let page = Consent {
        app: visit.frame().say("Your app").to_owned(),
        user: session.user.id.to_string(),
        facts: Vec::new(),
        action: visit.location.clone(),
        fields: Vec::new(),
        next: visit.back(),
        frame: visit.frame(),
    };
    Ok(Reply::page(&page))
}

/// `POST /_matrix/static/client/login/`
pub(super) async fn submit(visit: Visit) -> Page {
    let session = visit.entitled().await?;
    if visit.form.get("decision") != Some("allow") {
        return Ok(Reply::to("/account"));
    }
    let request = SessionRequest {
        device_id: visit.query.get("device_id").map(Into::into),
        display_name: visit.query.get("initial_device_display_name").map(ToOwned::to_owned),
        ..SessionRequest::default()
    };
    let login = &visit.app.accounts.login;
    let token = login.issue_sso_token(session, "login fallback").await?;
    let session = login.with_token(&token, &visit.origin, &request).await?;
    let response = json!({
        "user_id": session.user_id,
        "access_token": session.tokens.access,
        "device_id": session.device_id,
    });
    let page = Done {
        frame: visit.frame(),
        message: "You are signed in. You can close this page.",
        script: Some("/assets/login_done.js"),
        response: Some(response.to_string()),
    };
    Ok(Reply::page(&page).with_script())
}
