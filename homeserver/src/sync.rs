//! Tells clients what is new: waits for news, assembles the answer. An answer to a client whose
//! token is in the tail needs no database.

mod devices;
mod ephemeral;
pub mod filter;
mod lazy_members;
mod moment;
mod old;
mod own;
mod room;
mod state;
pub mod token;

use std::{ops::Deref, sync::Arc, time::Duration};

use ruma::{
    api::client::{filter::FilterDefinition, sync::sync_events},
    presence::PresenceState,
};

use self::{
    filter::SyncFilter,
    lazy_members::LazyMembers,
    moment::{Moment, RoomNews},
    room::{Left, Sections},
    token::SyncToken,
};
use crate::{
    Error, Result,
    accounts::{User, filters::Filters, invitations::Invitations, push_rules::PushRules},
    clock::Clock,
    ephemeral::{Presence, Receipts, Typing},
    json::{self, Object},
    keys::{Keys, ToDevice, device_lists},
    reading::Reading,
    rooms::Rooms,
    storage::{
        Storage,
        numbers::{Position, RoomNid},
        rooms::Membership,
    },
    tail::Tail,
    tasks::Tasks,
    unread::Unread,
};

/// The longest that a request is kept waiting.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// Answers `/sync`.
#[derive(Clone, Debug)]
pub struct Sync {
    sources: Sources,
    lazy_members: LazyMembers,
}

/// Where `/sync` finds what is new.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each service is described where it is defined")]
pub struct Sources {
    pub storage: Storage,
    pub tail: Tail,
    pub rooms: Rooms,
    pub clock: Clock,
    pub filters: Filters,
    pub invitations: Invitations,
    pub push_rules: PushRules,
    pub keys: Keys,
    pub to_device: ToDevice,
    pub receipts: Receipts,
    pub typing: Typing,
    pub presence: Presence,
    pub unread: Unread,
    pub reading: Reading,
}

impl Deref for Sync {
    type Target = Sources;

    fn deref(&self) -> &Sources {
        &self.sources
    }
}

/// One request, made ready.
#[derive(Debug)]
struct Asked {
    user: User,
    since: Option<SyncToken>,
    filter: Arc<SyncFilter>,
    full_state: bool,
    use_state_after: bool,
    set_presence: PresenceState,
    /// For how long to wait for news.
    wait: Duration,
    now_ms: i64,
}

impl Asked {
    /// What the client has seen; nothing, if it asks for everything.
    fn position(&self) -> Option<Position> {
        self.since.map(|since| since.position)
    }

    /// Whether there is no waiting for news.
    fn is_answered_at_once(&self) -> bool {
        self.since.is_none() || self.full_state || self.wait.is_zero()
    }
}

impl Sync {
    /// Reads from the tail, and from storage what is older.
    pub fn new(sources: Sources) -> Self {
        Self { sources, lazy_members: LazyMembers::default() }
    }

    /// What is new for `user` since the request's token; waits for something new if nothing is.
    ///
    /// What is done before and after waiting is boxed, so that a request that waits holds no room for it.
    pub async fn sync(&self, user: User, request: sync_events::v3::Request) -> Result<String> {
        let mut asked = Box::pin(self.ask(user, request)).await?;
        if asked.is_answered_at_once() {
            return Ok(Box::pin(self.answer(&asked)).await?.0);
        }
        let deadline = tokio::time::Instant::now() + asked.wait;
        // Parked before looking, so that nothing can slip through in between.
        let parked = self.tail.bus().park(asked.user.nid);
        loop {
            let (answer, has_news, next) = Box::pin(self.answer(&asked)).await?;
            if has_news || !matches!(tokio::time::timeout_at(deadline, parked.woken()).await, Ok(true)) {
                return Ok(answer);
            }
            self.presence.touch(&asked.user, &asked.set_presence);
            // What was looked at and did not concern the client need not be looked at again.
            let ephemeral = asked.since.map_or(next.ephemeral, |since| since.ephemeral);
            asked.since = Some(SyncToken { ephemeral, ..next });
            asked.now_ms = self.clock.now_ms();
        }
    }

    /// Makes a request ready, and does what it tells besides asking.
    async fn ask(&self, user: User, request: sync_events::v3::Request) -> Result<Asked> {
        let filter = self.filter(&user, request.filter).await?;
        let since = request.since.as_deref().map(SyncToken::parse).transpose()?;
        match (since, &user.device_id) {
            (Some(since), Some(device_id)) => {
                self.to_device.acknowledge(user.nid, device_id, since.to_device_told()).await?;
            }
            (None, Some(device_id)) => self.lazy_members.forget(user.nid, device_id),
            (_, None) => {}
        }
        self.presence.touch(&user, &request.set_presence);
        Ok(Asked {
            user,
            since,
            filter: Arc::new(filter),
            full_state: request.full_state,
            use_state_after: request.use_state_after,
            set_presence: request.set_presence,
            wait: request.timeout.unwrap_or_default().min(LONGEST_WAIT),
            now_ms: self.clock.now_ms(),
        })
    }

    async fn filter(&self, user: &User, filter: Option<sync_events::v3::Filter>) -> Result<SyncFilter> {
        match filter {
            Some(sync_events::v3::Filter::FilterId(id)) => {
                let definition = self.filters.load(user.nid, &id).await?;
                Ok(SyncFilter::new(&definition))
            }
            None => Ok(SyncFilter::new(&FilterDefinition::default())),
            Some(sync_events::v3::Filter::FilterDefinition(definition)) => Ok(SyncFilter::new(&definition)),
            Some(_) => Err(Error::invalid_param("There is no such filter.")),
        }
    }

    /// The answer, whether it tells anything, and the token it ends with.
    async fn answer(&self, asked: &Asked) -> Result<(String, bool, SyncToken)> {
        // Asked for before the changes, so that none of them is passed over.
        let ephemeral = self.typing.counter();
        let (residents, all_rooms) = (self.rooms.residents(), asked.full_state);
        let mut moment = Moment::gather(&self.tail, residents, asked.user.nid, asked.position(), all_rooms).await?;
        if let Some(since) = asked.since {
            moment.note_rooms(self.typing.rooms_changed_since(since.ephemeral));
        }
        let mut next = SyncToken { position: moment.head, ephemeral, to_device: None };
        let presence = self.presence_of_sharers(asked, &moment).await?;
        let is_quiet =
            moment.is_quiet() && asked.since.is_some_and(|since| since.to_device.is_none()) && !asked.full_state;
        // One's own presence is told and yet no news: asking for news changes it.
        let mut has_news = presence.iter().any(|seen| seen.user != asked.user.nid);
        let mut own = own::Own::default();
        let mut sections = Sections::default();
        let mut devices = devices::Devices::default();
        if !is_quiet {
            self.prepare(asked, &mut moment).await?;
            own = self.own(asked, &moment).await?;
            next.to_device = own.to_device_told();
            sections = self.sections(asked, &moment, &own).await?;
            devices = self.devices(asked, &moment, &sections).await?;
            has_news |= !own.is_empty() || !sections.is_empty() || !devices.is_empty();
        }
        let supply = match &asked.user.device_id {
            Some(device_id) => Some(self.keys.supply(asked.user.nid, device_id).await?),
            None => None,
        };
        let answer = json::object(|answer| {
            answer.text("next_batch", &next.to_string());
            if let Some(supply) = &supply {
                devices::write_supply(answer, supply);
            }
            own.write(answer);
            if !presence.is_empty() {
                answer.object("presence", |part| part.array("events", &presence, |out, seen| seen.write_event(out)));
            }
            devices.write(answer);
            sections.write(answer);
        });
        Ok((answer, has_news, next))
    }

    /// Loads at once what is told of each room that is new to the client.
    async fn prepare(&self, asked: &Asked, moment: &mut Moment) -> Result<()> {
        let is_new = |news: &&mut RoomNews| {
            let is_joined = news.residence.membership == Membership::Join;
            is_joined && asked.position().is_none_or(|since| news.residence.position > since)
        };
        let mut new: Vec<&mut RoomNews> = moment.news.iter_mut().filter(is_new).collect();
        if new.is_empty() {
            return Ok(());
        }
        let rooms: Vec<RoomNid> = new.iter().map(|news| news.room).collect();
        self.unread.prepare(asked.user.nid, &rooms).await?;
        let mut receipts = self.receipts.of_rooms(&rooms, asked.user.nid).await?;
        for news in &mut new {
            news.receipts_so_far = receipts.remove(&news.room).unwrap_or_default();
        }
        Ok(())
    }

    /// The rooms, by what the user is in them.
    async fn sections(&self, asked: &Asked, moment: &Moment, own: &own::Own) -> Result<Sections> {
        let is_invited = moment.news.iter().any(|news| news.residence.membership == Membership::Invite);
        let blocks_invitations = is_invited && *self.invitations.load(asked.user.nid, &asked.user.id).await?;
        let mut sections = Sections::default();
        for news in &moment.news {
            let view = self.rooms.load(news.room).await?;
            if !asked.filter.wants_room(&view.id) {
                continue;
            }
            let id = view.id.clone();
            match news.residence.membership {
                Membership::Join => {
                    if let Some(room) = self.joined(asked, moment, news, &view, own).await? {
                        sections.joined.push((id, room));
                    }
                }
                // Client-server API, "Invite permission": not even those that came before.
                Membership::Invite if blocks_invitations => {}
                Membership::Invite => {
                    if let Some(room) = self.invited(asked, news, "invite_state").await? {
                        sections.invited.push((id, room));
                    }
                }
                Membership::Knock => {
                    if let Some(room) = self.invited(asked, news, "knock_state").await? {
                        sections.knocked.push((id, room));
                    }
                }
                Membership::Leave | Membership::Ban => {
                    // The user's other devices have to learn of the departure though it was
                    // forgotten at once.
                    let is_remembered = asked.filter.include_leave && !news.residence.forgotten;
                    let is_wanted = asked.since.is_some() || is_remembered;
                    if is_wanted && let Left::Told(room) = self.left(asked, moment, news, &view).await? {
                        sections.left.push((id, room));
                    }
                }
            }
        }
        Ok(sections)
    }
}

impl Sections {
    fn write(&self, answer: &mut Object<'_>) {
        if self.is_empty() {
            return;
        }
        let parts =
            [("join", &self.joined), ("invite", &self.invited), ("knock", &self.knocked), ("leave", &self.left)];
        answer.object("rooms", |rooms| {
            for (name, part) in parts.into_iter().filter(|(_, part)| !part.is_empty()) {
                rooms.object(name, |rooms| {
                    for (id, room) in part {
                        rooms.raw(id.as_str(), room);
                    }
                });
            }
        });
    }
}

/// Starts the task that wakes those who share a room with somebody whose devices changed.
pub fn wake_sharers(tail: &Tail, rooms: &Rooms, tasks: &Tasks) {
    let (tail, rooms) = (tail.clone(), rooms.clone());
    tasks.start("device lists", move |stop| {
        let (tail, rooms) = (tail.clone(), rooms.clone());
        async move {
            let mut heads = tail.bus().watch();
            let mut done = tail.view().head();
            loop {
                tokio::select! {
                    changed = heads.changed() => if changed.is_err() { return },
                    () = stop.cancelled() => return,
                }
                done = device_lists::wake_sharers(&tail, done, |user| rooms.local_sharers_in_memory(user));
            }
        }
    });
}
