//! What users reported. A list counts reports that were put away, see
//! [`numbered`](crate::storage::reports::numbered).

use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Call, Nothing};
use crate::{
    App, Error, Result,
    moderation::ReportKind,
    storage::{
        overview::Page,
        reports::{StoredReport, numbered::ReportFilter},
    },
};

/// Reports on a page, if nothing else is asked for.
const LIMIT: u32 = 100;

#[derive(Deserialize)]
struct Wanted {
    user_id: Option<String>,
    room_id: Option<String>,
    event_sender_user_id: Option<String>,
    target_user_id: Option<String>,
}

impl From<Wanted> for ReportFilter {
    fn from(wanted: Wanted) -> Self {
        let some = |part: Option<String>| part.filter(|part| !part.is_empty());
        Self {
            reporter: some(wanted.user_id),
            reported: some(wanted.event_sender_user_id.or(wanted.target_user_id)),
            room_id: some(wanted.room_id),
        }
    }
}

/// A reported event.
#[derive(Serialize)]
pub(super) struct EventReport {
    id: i64,
    received_ts: i64,
    room_id: Option<OwnedRoomId>,
    name: Option<String>,
    canonical_alias: Option<String>,
    event_id: Option<OwnedEventId>,
    user_id: OwnedUserId,
    sender: Option<OwnedUserId>,
    reason: String,
    /// The specification knows it no more.
    score: Option<i32>,
}

/// The same with the event as its reporter saw it.
#[derive(Serialize)]
pub(super) struct EventReportDetail {
    #[serde(flatten)]
    report: EventReport,
    event_json: Option<Box<RawValue>>,
}

impl EventReport {
    async fn of(app: &App, report: StoredReport) -> Result<Self> {
        let view = match &report.room_id {
            Some(room_id) => app.rooms.find(room_id).await?,
            None => None,
        };
        let text = |text: Option<&str>| text.map(ToOwned::to_owned);
        Ok(Self {
            id: report.nid,
            received_ts: report.created_at,
            room_id: report.room_id,
            name: text(view.as_ref().and_then(|view| view.name())),
            canonical_alias: text(view.as_ref().and_then(|view| view.canonical_alias())),
            event_id: report.event_id,
            user_id: report.reporter,
            sender: report.user_id,
            reason: report.reason,
            score: None,
        })
    }
}

#[derive(Serialize)]
pub(super) struct EventReports {
    event_reports: Vec<EventReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<i64>,
    total: i64,
}

/// `GET /_synapse/admin/v1/event_reports`
pub(super) async fn events(app: App, call: Call) -> Result<EventReports> {
    let (filter, page) = (call.query::<Wanted>()?.into(), call.page(LIMIT, true)?);
    let (found, total) = app.moderation.reports(ReportKind::Event, &filter, page).await?;
    let mut event_reports = Vec::with_capacity(found.len());
    for report in found {
        event_reports.push(EventReport::of(&app, report).await?);
    }
    Ok(EventReports { event_reports, next_token: next(page, total), total })
}

/// `GET /_synapse/admin/v1/event_reports/{report_id}`
pub(super) async fn event(app: App, call: Call) -> Result<EventReportDetail> {
    let mut report = app.moderation.report(ReportKind::Event, number(&call)?).await?;
    let event_json = report.content.take().and_then(|content| serde_json::from_str(&content).ok());
    Ok(EventReportDetail { report: EventReport::of(&app, report).await?, event_json })
}

/// `DELETE /_synapse/admin/v1/event_reports/{report_id}`
pub(super) async fn dismiss_event(app: App, call: Call) -> Result<Nothing> {
    app.moderation.dismiss_report(&call.caller, ReportKind::Event, number(&call)?).await?;
    Ok(Nothing {})
}

/// A reported user.
#[derive(Serialize)]
pub(super) struct UserReport {
    id: i64,
    received_ts: i64,
    target_user_id: Option<OwnedUserId>,
    user_id: OwnedUserId,
    reason: String,
}

impl From<StoredReport> for UserReport {
    fn from(report: StoredReport) -> Self {
        Self {
            id: report.nid,
            received_ts: report.created_at,
            target_user_id: report.user_id,
            user_id: report.reporter,
            reason: report.reason,
        }
    }
}

#[derive(Serialize)]
pub(super) struct UserReports {
    user_reports: Vec<UserReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<i64>,
    total: i64,
}

/// `GET /_synapse/admin/v1/user_reports`
pub(super) async fn users(app: App, call: Call) -> Result<UserReports> {
    let (filter, page) = (call.query::<Wanted>()?.into(), call.page(LIMIT, true)?);
    let (found, total) = app.moderation.reports(ReportKind::User, &filter, page).await?;
    let user_reports = found.into_iter().map(UserReport::from).collect();
    Ok(UserReports { user_reports, next_token: next(page, total), total })
}

/// `GET /_synapse/admin/v1/user_reports/{report_id}`
pub(super) async fn user(app: App, call: Call) -> Result<UserReport> {
    Ok(app.moderation.report(ReportKind::User, number(&call)?).await?.into())
}

/// `DELETE /_synapse/admin/v1/user_reports/{report_id}`
pub(super) async fn dismiss_user(app: App, call: Call) -> Result<Nothing> {
    app.moderation.dismiss_report(&call.caller, ReportKind::User, number(&call)?).await?;
    Ok(Nothing {})
}

fn next(page: Page, total: i64) -> Option<i64> {
    let next = i64::from(page.from) + i64::from(page.limit);
    (next < total).then_some(next)
}

fn number(call: &Call) -> Result<i64> {
    call.args[0].parse().map_err(|_| Error::invalid_param("The ID of a report is a number."))
}
