//! Reporting what is inappropriate.

use ruma::api::client::{
    reporting::report_user,
    room::{report_content, report_room},
};

use crate::{App, Result, http::endpoint::Ruma};

/// `POST /_matrix/client/v3/rooms/{roomId}/report`
pub async fn room(app: App, req: Ruma<report_room::v3::Request>) -> Result<report_room::v3::Response> {
    app.reports.room(&req.caller, &req.body.room_id, req.body.reason).await?;
    Ok(report_room::v3::Response::new())
}

/// `POST /_matrix/client/v3/rooms/{roomId}/report/{eventId}`
pub async fn event(app: App, req: Ruma<report_content::v3::Request>) -> Result<report_content::v3::Response> {
    let report_content::v3::Request { room_id, event_id, reason, .. } = req.body;
    app.reports.event(&req.caller, &room_id, &event_id, reason.unwrap_or_default()).await?;
    Ok(report_content::v3::Response::new())
}

/// `POST /_matrix/client/v3/users/{userId}/report`
pub async fn user(app: App, req: Ruma<report_user::v3::Request>) -> Result<report_user::v3::Response> {
    app.reports.user(&req.caller, &req.body.user_id, req.body.reason).await?;
    Ok(report_user::v3::Response::new())
}
