//! Lists what people were notified of. Client-server API, "Listing Notifications".
//!
//! Nothing is stored about that: rules are applied to the timelines of the reader's rooms again,
//! newest event first, as far as is asked for.

mod timelines;

use std::sync::Arc;

use ruma::api::client::push::get_notifications;
use serde_json::json;

use self::timelines::Timelines;
use crate::{
    Error, Result,
    accounts::User,
    event::{Event, Unsigned},
    json,
    rooms::{Rooms, view::View},
    storage::numbers::Position,
    unread::{Judge, Reader, Unread, Verdict},
};

/// Notifications on a page, if the client does not say how many, and at most.
const USUAL: usize = 20;
const MOST: usize = 100;
/// Events that are looked at for one page. A page may be short, or empty, and yet not the last.
const LOOKED_AT: usize = 2_000;

/// What people were notified of.
#[derive(Clone, Debug)]
pub struct Notifications {
    rooms: Rooms,
    judge: Judge,
    unread: Unread,
}

/// One of them.
struct Found {
    event: Arc<Event>,
    verdict: Verdict,
    is_read: bool,
}

impl Notifications {
    /// Judges the events of `rooms`.
    pub fn new(rooms: Rooms, judge: Judge, unread: Unread) -> Self {
        Self { rooms, judge, unread }
    }

    /// A page of what `user` was notified of, newest first.
    pub async fn list(&self, user: &User, request: get_notifications::v3::Request) -> Result<String> {
        let below = match &request.from {
            Some(token) => Position(token.parse().map_err(|_| Error::invalid_param("This is no token of a page."))?),
            None => Position(i64::MAX),
        };
        let asked = request.limit.and_then(|limit| usize::try_from(u64::from(limit)).ok());
        let limit = asked.unwrap_or(USUAL).clamp(1, MOST);
        let highlights_only = request.only.as_deref() == Some("highlight");
        let mut timelines = Timelines::open(&self.rooms, user.nid, below).await?;
        let mut found = Vec::new();
        let mut next = None;
        for _ in 0..LOOKED_AT {
            let Some((view, event, position)) = timelines.next().await? else {
                next = None;
                break;
            };
            if let Some(notification) = self.found(user.into(), &view, event, position).await?
                && (!highlights_only || notification.verdict.is_highlight())
            {
                found.push(notification);
            }
            next = Some(position);
            if found.len() == limit {
                break;
            }
        }
        Ok(json::object(|answer| {
            if let Some(next) = next {
                answer.text("next_token", &next.0.to_string());
            }
            answer.array("notifications", &found, |out, notification| notification.write(out));
        }))
    }

    async fn found(
        &self,
        reader: Reader<'_>,
        view: &Arc<View>,
        event: Arc<Event>,
        position: Position,
    ) -> Result<Option<Found>> {
        if event.is_redacted() {
            return Ok(None);
        }
        let verdict = self.judge.judge(reader, view, &event).await?;
        if !verdict.notifies() {
            return Ok(None);
        }
        let is_read = !self.unread.is_unread(reader, view, position).await?;
        Ok(Some(Found { event, verdict, is_read }))
    }
}

impl Found {
    fn write(&self, out: &mut String) {
        json::write_object(out, |notification| {
            notification.raw("actions", &json!(self.verdict.actions).to_string());
            let mut event = String::new();
            self.event.client_form().write(&mut event, &self.event, Unsigned::default(), false);
            notification.raw("event", &event);
            // Rules have no tags any more, but clients look for the member.
            notification.raw("profile_tag", "null");
            notification.plain("read", self.is_read);
            notification.text("room_id", self.event.room_id().as_str());
            notification.plain("ts", self.event.pdu.origin_server_ts.0);
        });
    }
}
