//! One room's part of the answer.

use std::sync::Arc;

use ruma::{OwnedRoomId, events::TimelineEventType};

use super::{
    Asked, Sync,
    moment::{Moment, RoomNews},
    own::{Own, write_account_data},
};
use crate::{
    Result,
    accounts::ignored,
    event::{Event, Unsigned},
    json,
    reading::token::Token,
    rooms::{
        bundles::Bundles,
        timeline::{Direction, Visible},
        view::{View, membership_in},
    },
    storage::{
        events::Range,
        numbers::Position,
        rooms::{self, Membership},
    },
    unread::Counts,
};

/// Rooms with their JSON, by what the user is in them.
#[derive(Debug, Default)]
pub(super) struct Sections {
    pub(super) joined: Vec<(OwnedRoomId, String)>,
    pub(super) invited: Vec<(OwnedRoomId, String)>,
    pub(super) knocked: Vec<(OwnedRoomId, String)>,
    pub(super) left: Vec<(OwnedRoomId, String)>,
}

/// Whether there is anything to tell of a room that was left.
#[derive(Debug)]
pub(super) enum Left {
    Told(String),
    /// It was never in the client's view.
    Unknown,
}

/// A part of a timeline, oldest event first.
#[derive(Debug)]
pub(super) struct Timeline {
    pub(super) events: Vec<Visible>,
    /// Whether events before it were left out.
    pub(super) is_limited: bool,
    /// From where to read what was left out.
    prev_batch: Token,
}

/// Where a client stands in a room.
#[derive(Debug)]
pub(super) struct Standing {
    /// What it has seen of the room; none if the room is new to it.
    pub(super) since: Option<Position>,
    /// Where what it is told now ends.
    pub(super) until: Position,
    /// The first event it has not seen, if it has seen any and there is one.
    pub(super) first_unseen: Option<Arc<Event>>,
}

impl Sections {
    pub(super) fn is_empty(&self) -> bool {
        self.joined.is_empty() && self.invited.is_empty() && self.knocked.is_empty() && self.left.is_empty()
    }
}

impl Sync {
    /// The JSON of a room the user is in, unless there is nothing to tell.
    pub(super) async fn joined(
        &self,
        asked: &Asked,
        moment: &Moment,
        news: &RoomNews,
        view: &Arc<View>,
        own: &Own,
    ) -> Result<Option<String>> {
        let was_in = self.was_in(asked, news, view).await?;
        let since = asked.position().filter(|_| was_in);
        let unseen = self.unseen(news, since, moment.head).await?;
        let standing = Standing { since, until: moment.head, first_unseen: unseen.first().cloned() };
        let timeline = self.timeline(asked, news, view, &standing, unseen).await?;
        let state = self.state(asked, view, &standing, &timeline).await?;
        let is_news = since.is_none() || asked.full_state;
        let mut told = timeline.events.iter().map(|visible| &visible.event).chain(&state);
        let has_summary = is_news || told.any(|event| *event.kind() == TimelineEventType::RoomMember);
        let account_data = own.of_room(news.room);
        let ephemeral = self.ephemeral(asked, news, view, since).await?;
        let is_silent =
            timeline.events.is_empty() && state.is_empty() && account_data.is_empty() && ephemeral.is_empty();
        if is_silent && !is_news && !has_own_receipt(asked, news) {
            return Ok(None);
        }
        let bundles = self.bundles(asked, news, &standing, &timeline).await?;
        let unread = self.unread.counts(&asked.user, view, moment.head).await?;
        let heroes = if has_summary { self.heroes(asked, view).await? } else { Vec::new() };
        let state_key = if asked.use_state_after { "state_after" } else { "state" };
        Ok(Some(json::object(|room| {
            if has_summary {
                room.object("summary", |summary| {
                    if !heroes.is_empty() {
                        summary.array("m.heroes", &heroes, |out, hero| out.push_str(&json::quoted(hero.as_str())));
                    }
                    summary.plain("m.joined_member_count", view.joined.len());
                    summary.plain("m.invited_member_count", view.invited.len());
                });
            }
            room.object(state_key, |part| part.array("events", &state, |out, event| write_state(out, asked, event)));
            write_timeline(room, asked, &timeline, &bundles);
            // Of a room that is new to them, clients look for these parts though there is nothing in them.
            if is_news || !account_data.is_empty() {
                room.object("account_data", |part| part.array("events", account_data, write_account_data));
            }
            if is_news || !ephemeral.is_empty() {
                room.object("ephemeral", |part| part.array("events", &ephemeral, |out, event| out.push_str(event)));
            }
            write_unread(room, asked, &unread);
        })))
    }

    /// The JSON of a room the user has left, up to where they left.
    pub(super) async fn left(&self, asked: &Asked, moment: &Moment, news: &RoomNews, view: &Arc<View>) -> Result<Left> {
        let was_in = self.was_in(asked, news, view).await?;
        let since = asked.position().filter(|_| was_in);
        let until = news.residence.position.min(moment.head);
        let mut unseen = self.unseen(news, since, until).await?;
        unseen.retain(|event| event.position().is_some_and(|position| position <= until));
        let standing = Standing { since, until, first_unseen: unseen.first().cloned() };
        let timeline = self.timeline(asked, news, view, &standing, unseen).await?;
        let is_old = asked.position().is_some_and(|asked_since| news.residence.position <= asked_since);
        if timeline.events.is_empty() && since.is_none() && is_old {
            return Ok(Left::Unknown);
        }
        let state = self.state(asked, view, &standing, &timeline).await?;
        let state_key = if asked.use_state_after { "state_after" } else { "state" };
        Ok(Left::Told(json::object(|room| {
            room.object(state_key, |part| part.array("events", &state, |out, event| write_state(out, asked, event)));
            write_timeline(room, asked, &timeline, &Bundles::new());
        })))
    }

    /// The JSON of a room the user is invited to, or knocks on.
    ///
    /// None, if whoever invites is ignored.
    pub(super) async fn invited(&self, asked: &Asked, news: &RoomNews, name: &str) -> Result<Option<String>> {
        let user = self.rooms.events().load(news.residence.event).await?;
        if self.rooms.ignored_by(&asked.user).await?.contains(user.sender()) {
            return Ok(None);
        }
        let mut conn = self.storage.conn().await?;
        let stripped = rooms::find_stripped_state(&mut conn, news.room, asked.user.nid).await?;
        drop(conn);
        let mut events = stripped.unwrap_or_else(|| "[]".to_owned());
        events.pop();
        if events.len() > 1 {
            events.push(',');
        }
        user.client_form().write_stripped(&mut events, &user);
        events.push(']');
        Ok(Some(json::object(|room| room.object(name, |state| state.raw("events", &events)))))
    }

    /// Whether the user was in the room at the client's token, and has been ever since.
    async fn was_in(&self, asked: &Asked, news: &RoomNews, view: &View) -> Result<bool> {
        let Some(since) = asked.position() else { return Ok(false) };
        if news.residence.position <= since {
            return Ok(news.residence.membership == Membership::Join);
        }
        let key = self.storage.find_state_key_nid("m.room.member", asked.user.id.as_str()).await?;
        let Some(key) = key else { return Ok(false) };
        let changes = match news.events() {
            Some(events) => events.into_iter().filter(|event| event.state_key_nid == Some(key)).collect(),
            None => self.rooms.state_events_between(view.nid, key, since, news.residence.position).await?,
        };
        let Some((first, later)) = changes.split_first() else { return Ok(true) };
        let Some(before) = first.snapshot else { return Ok(false) };
        let before = match self.rooms.snapshots().entry(before, key).await? {
            Some(event) => membership_in(&self.rooms.events().load(event).await?),
            None => Membership::Leave,
        };
        let between = [first].into_iter().chain(later).rev().skip(1);
        Ok(before == Membership::Join && between.map(membership_in).all(|membership| membership == Membership::Join))
    }

    /// The first unseen events of a room the client knows: all of them if they are in memory, else
    /// the first.
    async fn unseen(&self, news: &RoomNews, since: Option<Position>, until: Position) -> Result<Vec<Arc<Event>>> {
        let Some(since) = since else { return Ok(Vec::new()) };
        match news.events() {
            Some(events) => Ok(events),
            None => self.rooms.stored_page(news.room, Range::Up(since, until), 1).await,
        }
    }

    /// The newest unseen events that the filter lets pass.
    async fn timeline(
        &self,
        asked: &Asked,
        news: &RoomNews,
        view: &Arc<View>,
        standing: &Standing,
        unseen: Vec<Arc<Event>>,
    ) -> Result<Timeline> {
        let limit = asked.filter.limit;
        let ignored = self.rooms.ignored_by(&asked.user).await?;
        let keep = |event: &Event| asked.filter.timeline.passes(event) && !ignored::spares(&ignored, event);
        let is_in = news.residence.membership == Membership::Join;
        if standing.since.is_some() && news.facts.is_some() && is_in {
            // Everything is in memory, and whoever is in the room sees it all.
            let membership = Membership::Join;
            let mut events: Vec<Visible> =
                unseen.into_iter().filter(|event| keep(event)).map(|event| Visible { event, membership }).collect();
            let left_out = events.len().saturating_sub(limit);
            let events = events.split_off(left_out);
            let prev_batch = prev_batch(&events, standing.since.unwrap_or(standing.until));
            return Ok(Timeline { events, is_limited: left_out > 0, prev_batch });
        }
        if standing.since.is_some() && unseen.is_empty() {
            let prev_batch = Token { position: standing.until };
            return Ok(Timeline { events: Vec::new(), is_limited: false, prev_batch });
        }
        let mut sight = self.rooms.sight(view, asked.user.nid).await?;
        let from = Position(standing.until.0 + 1);
        let page = self.rooms.page(&mut sight, news.room, Direction::Backward, from, standing.since, limit, keep);
        let page = page.await?;
        let mut events = page.events;
        events.reverse();
        let prev_batch = prev_batch(&events, standing.until);
        // What comes of a room that the client did not know is no continuation of anything.
        let is_fresh = asked.since.is_some() && standing.since.is_none() && is_in;
        Ok(Timeline { events, is_limited: is_fresh || page.next.is_some(), prev_batch })
    }

    /// What is told of the events that relate to those of the timeline. New events that are all in
    /// memory have none but among themselves.
    async fn bundles(
        &self,
        asked: &Asked,
        news: &RoomNews,
        standing: &Standing,
        timeline: &Timeline,
    ) -> Result<Bundles> {
        let relates = |event: &Arc<Event>| event.content().get().contains("m.relates_to");
        let is_plain = news.events().is_some_and(|events| !events.iter().any(relates));
        if standing.since.is_some() && is_plain {
            return Ok(Bundles::new());
        }
        let events: Vec<_> = timeline.events.iter().map(|visible| visible.event.clone()).collect();
        self.rooms.bundles(&asked.user, &events).await
    }

    /// The users after whom a room without a name is called: the first five others.
    /// Client-server API, "Calculating the display name for a room".
    async fn heroes(&self, asked: &Asked, view: &View) -> Result<Vec<ruma::OwnedUserId>> {
        if view.name().is_some() || view.canonical_alias().is_some() {
            return Ok(Vec::new());
        }
        let heroes = rooms::heroes(&mut *self.storage.conn().await?, view.nid, asked.user.nid).await?;
        self.storage.user_ids(&heroes).await
    }
}

/// From where the events before `events` are read; before `otherwise` and with it, if there are none.
fn prev_batch(events: &[Visible], otherwise: Position) -> Token {
    let first = events.first().and_then(|visible| visible.event.position());
    Token { position: first.map_or(otherwise, |first| Position(first.0 - 1)) }
}

/// Whether the user has read something there, perhaps privately: that changes counts.
fn has_own_receipt(asked: &Asked, news: &RoomNews) -> bool {
    news.receipts().into_iter().flatten().any(|receipt| receipt.user == asked.user.nid)
}

fn write_unread(room: &mut json::Object<'_>, asked: &Asked, unread: &Counts) {
    let (notifications, highlights) =
        if asked.filter.thread_counts { (unread.notifications, unread.highlights) } else { unread.total() };
    let write = |counts: &mut json::Object<'_>, notifications: u64, highlights: u64| {
        counts.plain("notification_count", notifications);
        counts.plain("highlight_count", highlights);
    };
    room.object("unread_notifications", |counts| write(counts, notifications, highlights));
    if asked.filter.thread_counts && !unread.threads.is_empty() {
        room.object("unread_thread_notifications", |threads| {
            for (root, (notifications, highlights)) in &unread.threads {
                threads.object(root.as_str(), |counts| write(counts, *notifications, *highlights));
            }
        });
    }
}

fn write_timeline(room: &mut json::Object<'_>, asked: &Asked, timeline: &Timeline, bundles: &Bundles) {
    room.object("timeline", |part| {
        part.array("events", &timeline.events, |out, visible| {
            let relations = bundles.get(&visible.event.nid).map(String::as_str);
            match asked.filter.as_servers_do {
                false => visible.write(out, asked.now_ms, &asked.user, relations, false),
                true => visible.write_pdu(out, asked.now_ms, &asked.user, relations),
            }
        });
        part.plain("limited", timeline.is_limited);
        part.text("prev_batch", &timeline.prev_batch.to_string());
    });
}

fn write_state(out: &mut String, asked: &Asked, event: &Event) {
    let unsigned = Unsigned::default();
    match asked.filter.as_servers_do {
        false => event.client_form().write(out, event, unsigned, false),
        true => event.client_form().write_pdu(out, event, unsigned),
    }
}
