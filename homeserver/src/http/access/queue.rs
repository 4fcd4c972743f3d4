//! Who waits to be approved, what users reported, and what happened.

use std::net::IpAddr;

use ruma::UserId;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::{Call, forms};
use crate::{App, Error, Result, audit::export::Entry, storage::numbers::UserNid};

/// `GET /_salon/access/v1/approvals`
pub(super) async fn approvals(app: App, call: Call) -> Result<Value> {
    let (at, user) = after(&call)?;
    let limit = call.limit()?;
    let waiting = app.oversight.waiting(&call.caller, (at, UserNid(user)), limit).await?;
    let next = waiting.last().filter(|_| waiting.len() == limit as usize);
    let next = next.map(|last| format!("{}_{}", last.created_at, last.user.0));
    let entry = |approval: &crate::storage::approvals::Approval| {
        json!({
            "user_id": approval.user_id,
            "scope": approval.scope,
            "rule_id": approval.rule_id,
            "created_at": approval.created_at,
        })
    };
    Ok(forms::without_nulls(json!({ "approvals": waiting.iter().map(entry).collect::<Vec<_>>(), "next": next })))
}

/// `POST /_salon/access/v1/approvals/{user_id}`
pub(super) async fn decide(app: App, call: Call) -> Result<Value> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        scope: Option<String>,
        approve: bool,
        reason: Option<String>,
    }
    let body: Body = call.body()?;
    let user = UserId::parse(&call.args[0]).map_err(|_| Error::invalid_param("This is not a user ID."))?;
    let scope = body.scope.as_deref().unwrap_or("registration");
    app.oversight.decide(&call.caller, &user, scope, body.approve, body.reason.as_deref()).await?;
    Ok(json!({}))
}

/// `GET /_salon/access/v1/reports`
pub(super) async fn reports(app: App, call: Call) -> Result<Value> {
    let limit = call.limit()?;
    let reports = app.oversight.reports(&call.caller, after(&call)?, limit).await?;
    // Also where there are no more: who asks again with it is told what came since.
    let next = reports.last().map(|last| format!("{}_{}", last.created_at, last.nid));
    let entry = |report: &crate::storage::reports::StoredReport| {
        let content = report.content.as_deref().and_then(|content| serde_json::from_str::<Box<RawValue>>(content).ok());
        forms::without_nulls(json!({
            "report_id": report.nid,
            "kind": match report.kind { 1 => "event", 2 => "room", _ => "user" },
            "reporter": report.reporter,
            "room_id": report.room_id,
            "event_id": report.event_id,
            "user_id": report.user_id,
            "reason": report.reason,
            "event": content,
            "created_at": report.created_at,
        }))
    };
    Ok(forms::without_nulls(json!({ "reports": reports.iter().map(entry).collect::<Vec<_>>(), "next": next })))
}

/// `GET /_salon/access/v1/events`
pub(super) async fn events(app: App, call: Call) -> Result<Value> {
    let after = call.query("after").map(str::parse).transpose();
    let after = after.map_err(|_| Error::invalid_param("`after` is not a number."))?.unwrap_or_default();
    let events = app.audit.list(after, call.limit()?).await?;
    let entry = |event: &Entry| {
        let address: Option<IpAddr> = event.address.as_ref().and_then(|address| address.parse().ok());
        forms::without_nulls(json!({
            "seq": event.seq,
            "at": event.at,
            "action": event.action,
            "is_success": event.is_success,
            "role": event.role,
            "actor": event.actor,
            "device_id": event.device_id,
            "target": event.target,
            "network": address.map(|address| app.access.rulebook.room_networks().name(address).to_string()),
            "details": event.details,
        }))
    };
    let next = events.last().map_or(after, |last| last.seq);
    Ok(json!({ "events": events.iter().map(entry).collect::<Vec<_>>(), "next": next }))
}

/// The time and the number of the last entry of the page before.
fn after(call: &Call) -> Result<(i64, i64)> {
    let Some(token) = call.query("after") else { return Ok((0, 0)) };
    let parts = token.split_once('_').and_then(|(at, number)| Some((at.parse().ok()?, number.parse().ok()?)));
    parts.ok_or_else(|| Error::invalid_param("This is not a token of this list."))
}
