//! Puts together what an application service is told at once.

use std::{collections::BTreeMap, sync::Arc};

use ruma::OwnedDeviceId;

use super::{
    Sources,
    encryption::{self, Encryption, Messages},
    interests::Interests,
    pages::Page,
    passing::{self, Changes},
};
use crate::{
    Result,
    accounts::appservices::Wants,
    event::{Event, Unsigned},
    json::{self, Object},
    storage::numbers::{Position, UserNid},
};

/// Events in one transaction, and bytes of them, at most; a single event may be larger.
const EVENTS: usize = 100;
const BYTES: usize = 2 << 20;

/// What an application service is to be told of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// The log after this place,
    pub(super) since: Position,
    /// at least up to here, unless there is much,
    pub(super) head: Position,
    /// and what changed of typing and presence.
    pub(super) changes: Changes,
}

/// What it is told.
#[derive(Debug)]
pub(super) struct Told {
    /// The body of the transaction; none where nothing is its business.
    pub(super) content: Option<String>,
    /// Up to where it tells.
    pub(super) until: Position,
    /// The devices whose messages it tells, which need not be kept any more, and up to where.
    pub(super) delivered: BTreeMap<(UserNid, OwnedDeviceId), Position>,
}

/// The parts of a transaction.
#[derive(Debug, Default)]
struct Body {
    events: Vec<String>,
    ephemeral: Vec<String>,
    to_device: Vec<String>,
    encryption: Encryption,
}

/// Tells of what is its business.
pub(super) async fn tell(sources: &Sources, interests: &Interests, span: Span) -> Result<Told> {
    let page = Page::read(sources, span.since, span.head).await?;
    let wants = interests.service().wants;
    let mut body = Body::default();
    let (events, until) = choose(sources, interests, &page, &mut body.events).await?;
    let mut messages = Messages::default();
    if wants.ephemeral {
        body.ephemeral = passing::receipts(sources, interests, page.receipts, until).await?;
        if span.changes.is_some() {
            body.ephemeral.extend(passing::changes(sources, interests, span.changes).await?);
        }
        messages = encryption::messages(sources, interests, &page.to_device, until).await?;
    }
    if wants.encryption {
        let receivers = messages.delivered.keys().map(|(user, _)| *user);
        body.encryption = Encryption::gather(sources, interests, &page.device_lists, &events, receivers).await?;
    }
    body.to_device = messages.json;
    let content = (!body.is_empty()).then(|| json::object(|object| body.write(object, wants)));
    Ok(Told { content, until, delivered: messages.delivered })
}

/// The events that are its business, as many as go into a transaction, and up to where they tell.
async fn choose(
    sources: &Sources,
    interests: &Interests,
    page: &Page,
    forms: &mut Vec<String>,
) -> Result<(Vec<Arc<Event>>, Position)> {
    let (mut chosen, mut bytes) = (Vec::new(), 0);
    for event in &page.events {
        if !interests.include(event).await? {
            continue;
        }
        let form = client_form(event, sources.clock.now_ms());
        let is_full = forms.len() >= EVENTS || (bytes + form.len() > BYTES && !forms.is_empty());
        if let Some(position) = event.position().filter(|_| is_full) {
            return Ok((chosen, Position(position.0 - 1)));
        }
        bytes += form.len();
        forms.push(form);
        chosen.push(event.clone());
    }
    Ok((chosen, page.until))
}

impl Body {
    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.ephemeral.is_empty() && self.to_device.is_empty() && !self.encryption.is_news()
    }

    fn write(&self, body: &mut Object<'_>, wants: Wants) {
        let parts = [
            ("events", &self.events, true),
            ("ephemeral", &self.ephemeral, !self.ephemeral.is_empty()),
            ("de.sorunome.msc2409.ephemeral", &self.ephemeral, wants.unstable_names && !self.ephemeral.is_empty()),
            // MSC4203 is not a part of the specification yet: some know the one name, some the other.
            ("to_device", &self.to_device, !self.to_device.is_empty()),
            ("de.sorunome.msc2409.to_device", &self.to_device, !self.to_device.is_empty()),
        ];
        for (name, items, is_there) in parts {
            if is_there {
                body.array(name, items, |out, item| out.push_str(item));
            }
        }
        self.encryption.write(body);
    }
}

fn client_form(event: &Event, now_ms: i64) -> String {
    let mut form = String::new();
    let age_ms = now_ms.saturating_sub(event.pdu.origin_server_ts.0.into());
    let unsigned = Unsigned { age_ms: Some(age_ms), ..Unsigned::default() };
    event.client_form().write(&mut form, event, unsigned, true);
    form
}
