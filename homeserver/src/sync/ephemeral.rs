//! What passes: receipts and typing in a room, the presence of people.

use ruma::OwnedUserId;

use super::{
    Asked, Sync,
    moment::{Moment, RoomNews},
};
use crate::{
    Result,
    ephemeral::{presence::Seen, receipts::content_of},
    event::member_of,
    json,
    rooms::view::{View, membership_in},
    storage::{numbers::Position, rooms::Membership},
};

/// The ephemeral events of a room, as JSON objects.
pub(super) type Ephemeral = Vec<String>;

impl Sync {
    /// The presence of those who share a room with the user, and their own, where it has changed.
    pub(super) async fn presence_of_sharers(&self, asked: &Asked, moment: &Moment) -> Result<Vec<Seen>> {
        let since = asked.since.map_or(0, |since| since.ephemeral);
        let mut seen = self.presence.changed_since(since, |_| true);
        seen.extend(self.presence_of_newcomers(asked, moment).await?);
        seen.sort_unstable_by_key(|seen| seen.user);
        seen.dedup_by_key(|seen| seen.user);
        if seen.is_empty() {
            return Ok(seen);
        }
        let mut views = Vec::new();
        for (room, residence) in &moment.rooms {
            if residence.membership == Membership::Join {
                views.push(self.rooms.load(*room).await?);
            }
        }
        seen.retain(|seen| {
            let is_visible = seen.user == asked.user.nid || views.iter().any(|view| view.is_joined(seen.user));
            is_visible
                && asked.filter.presence.passes_sender(&seen.user_id)
                && asked.filter.presence.passes_type("m.presence")
        });
        Ok(seen)
    }

    /// The presence of those who have come into the user's rooms, and of all in rooms that the user
    /// has come into, as far as they are there: it need not have changed to be new.
    async fn presence_of_newcomers(&self, asked: &Asked, moment: &Moment) -> Result<Vec<Seen>> {
        let mut seen = Vec::new();
        let Some(since) = asked.position() else { return Ok(seen) };
        for news in moment.news.iter().filter(|news| news.residence.membership == Membership::Join) {
            if news.residence.position > since {
                let view = self.rooms.load(news.room).await?;
                seen.extend(self.presence.changed_since(0, |user| view.is_joined(user)));
                continue;
            }
            for event in news.events().into_iter().flatten() {
                let Some(member) = member_of(&event).filter(|_| membership_in(&event) == Membership::Join) else {
                    continue;
                };
                let user = self.storage.find_user_nid(&member).await?;
                seen.extend(user.and_then(|user| self.presence.find(user)));
            }
        }
        Ok(seen)
    }

    /// The ephemeral events of a room the user is in. `since` is what they know of it.
    pub(super) async fn ephemeral(
        &self,
        asked: &Asked,
        news: &RoomNews,
        view: &View,
        since: Option<Position>,
    ) -> Result<Ephemeral> {
        let mut events = Vec::new();
        if asked.filter.ephemeral.passes_type("m.receipt") {
            let receipts = match (since, news.receipts()) {
                (Some(_), Some(receipts)) => content_of(&receipts, asked.user.nid),
                (Some(since), None) => {
                    content_of(&self.receipts.since(news.room, asked.user.nid, since).await?, asked.user.nid)
                }
                (None, _) => content_of(&news.receipts_so_far, asked.user.nid),
            };
            if receipts != "{}" {
                events.push(event("m.receipt", &receipts));
            }
        }
        if asked.filter.ephemeral.passes_type("m.typing") {
            let known = asked.since.filter(|_| since.is_some()).map_or(0, |since| since.ephemeral);
            if let Some(users) = self.typing.changed_since(view.nid, known) {
                events.push(event("m.typing", &typing(&users)));
            }
        }
        Ok(events)
    }
}

fn typing(users: &[OwnedUserId]) -> String {
    json::object(|content| {
        content.array("user_ids", users, |out, user| out.push_str(&json::quoted(user.as_str())));
    })
}

fn event(kind: &str, content: &str) -> String {
    json::object(|event| {
        event.text("type", kind);
        event.raw("content", content);
    })
}
