//! Puts together what an application service is told at once.

use super::{Sources, interests::Interests, pages::Page};
use crate::{
    Result,
    event::{Event, Unsigned},
    json,
    storage::numbers::Position,
};

/// Events in one transaction, and bytes of them, at most; a single event may be larger.
const EVENTS: usize = 100;
const BYTES: usize = 2 << 20;

/// A part of the log, as an application service is told of it.
#[derive(Debug)]
pub(super) struct Told {
    /// The body of the transaction; none where nothing is its business.
    pub(super) content: Option<String>,
    /// Up to where it tells.
    pub(super) until: Position,
}

/// Tells of what comes after `since`, up to `head` or less far.
pub(super) async fn tell(sources: &Sources, interests: &Interests, since: Position, head: Position) -> Result<Told> {
    let page = Page::read(sources, since, head).await?;
    let mut until = page.until;
    let mut events: Vec<String> = Vec::new();
    let mut bytes = 0;
    for event in &page.events {
        if !interests.include(event).await? {
            continue;
        }
        let form = client_form(event, sources.clock.now_ms());
        let is_full = events.len() >= EVENTS || (bytes + form.len() > BYTES && !events.is_empty());
        if let Some(position) = event.position().filter(|_| is_full) {
            until = Position(position.0 - 1);
            break;
        }
        bytes += form.len();
        events.push(form);
    }
    let content = (!events.is_empty())
        .then(|| json::object(|body| body.array("events", &events, |out, event| out.push_str(event))));
    Ok(Told { content, until })
}

fn client_form(event: &Event, now_ms: i64) -> String {
    let mut form = String::new();
    let age_ms = now_ms.saturating_sub(event.pdu.origin_server_ts.0.into());
    let unsigned = Unsigned { age_ms: Some(age_ms), ..Unsigned::default() };
    event.client_form().write(&mut form, event, unsigned, true);
    form
}
