//! Who may see which event. Client-server API, "Room history visibility".

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use ruma::{
    OwnedUserId,
    events::{TimelineEventType, room::history_visibility::HistoryVisibility},
};
use serde::Deserialize;

use super::{
    Rooms,
    residents::Residence,
    timeline::Visible,
    view::{View, membership_in},
};
use crate::{
    Result,
    accounts::ignored,
    event::Event,
    storage::{
        accounts,
        numbers::{EventNid, Position, SnapshotNid, StateKeyNid, UserNid},
        rooms::Membership,
    },
};

/// So many membership events are looked back at to find out when somebody was last in a room.
const LOOKED_BACK: usize = 100;

/// What one reader may see of one room.
#[derive(Debug)]
pub struct Sight {
    rooms: Rooms,
    view: Arc<View>,
    member_key: Option<StateKeyNid>,
    visibility_key: Option<StateKeyNid>,
    /// What the reader is, or was last, in the room; nothing if they have forgotten it.
    residence: Option<Residence>,
    stay: Stay,
    ignored: Arc<HashSet<OwnedUserId>>,
    /// Whether nothing is hidden from the reader.
    is_whole: bool,
    known: HashMap<SnapshotNid, (HistoryVisibility, Membership)>,
    /// Whether senders have had what they said erased, as far as that was asked.
    erased: HashMap<UserNid, bool>,
}

/// When a reader was last in a room.
#[derive(Debug)]
enum Stay {
    Never,
    /// Until this event.
    Ended(Arc<Event>),
    Lasts,
}

/// What a reader is told of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whether they may see it at all.
    pub is_visible: bool,
    /// What they were in the room then.
    pub membership: Membership,
}

impl Rooms {
    /// Prepares to judge events of the room `view` for `reader`.
    pub async fn sight(&self, view: &Arc<View>, reader: UserNid) -> Result<Sight> {
        let user_id = self.storage.user_id(reader).await?;
        let member_key = self.storage.find_state_key_nid("m.room.member", user_id.as_str()).await?;
        let residence = self.residents.load(reader).await?.get(&view.nid).copied();
        let residence = residence.filter(|residence| !residence.forgotten);
        let stay = match (residence, member_key) {
            (Some(Residence { membership: Membership::Join, .. }), _) => Stay::Lasts,
            (Some(residence), Some(key)) => self.last_stay(residence.event, key).await?,
            _ => Stay::Never,
        };
        Ok(Sight {
            rooms: self.clone(),
            view: view.clone(),
            member_key,
            visibility_key: self.storage.find_state_key_nid("m.room.history_visibility", "").await?,
            residence,
            stay,
            ignored: self.ignored.load(reader, &user_id).await?,
            is_whole: false,
            known: HashMap::new(),
            erased: HashMap::new(),
        })
    }

    /// The sight of a server administrator, from whom nothing in the room `view` is hidden.
    pub fn whole_sight(&self, view: &Arc<View>) -> Sight {
        Sight {
            rooms: self.clone(),
            view: view.clone(),
            member_key: None,
            visibility_key: None,
            residence: None,
            stay: Stay::Lasts,
            ignored: Arc::default(),
            is_whole: true,
            known: HashMap::new(),
            erased: HashMap::new(),
        }
    }

    /// Whether `reader` may read everything that is said now: those who are in the room may, and in
    /// world-readable rooms everybody.
    pub fn may_read_on(&self, view: &View, reader: UserNid) -> bool {
        view.is_joined(reader) || view.history_visibility() == HistoryVisibility::WorldReadable
    }

    /// When somebody whose membership is now `event` was last in the room, found by going back from
    /// one membership event to the one before.
    async fn last_stay(&self, event: EventNid, key: StateKeyNid) -> Result<Stay> {
        let mut event = self.events.load(event).await?;
        for _ in 0..LOOKED_BACK {
            let Some(snapshot) = event.snapshot else { return Ok(Stay::Never) };
            let Some(before) = self.snapshots.entry(snapshot, key).await? else { return Ok(Stay::Never) };
            let before = self.events.load(before).await?;
            if membership_in(&before) == Membership::Join {
                return Ok(Stay::Ended(event));
            }
            event = before;
        }
        Ok(Stay::Never)
    }
}

impl Sight {
    /// Whether the reader is in the room, or was and has left.
    pub fn has_been_in(&self) -> bool {
        match &self.stay {
            Stay::Lasts => true,
            Stay::Ended(_) => {
                self.residence.is_some_and(|now| matches!(now.membership, Membership::Leave | Membership::Ban))
            }
            Stay::Never => false,
        }
    }

    /// What the reader is in the room now, or was last; nothing if they never had to do with it, or
    /// have forgotten it.
    pub fn membership(&self) -> Option<Membership> {
        self.residence.map(|now| now.membership)
    }

    /// The event by which the reader left the room, if they were in it and are not any more.
    pub fn leaving(&self) -> Option<&Arc<Event>> {
        match &self.stay {
            Stay::Ended(event) => Some(event),
            Stay::Never | Stay::Lasts => None,
        }
    }

    /// The last position that the reader may know of, if there is one: of the event that changed their
    /// membership last, for those who are not in the room.
    pub fn end(&self) -> Option<Position> {
        if matches!(self.stay, Stay::Lasts) || self.view.history_visibility() == HistoryVisibility::WorldReadable {
            return None;
        }
        Some(self.residence.map_or(Position(i64::MIN), |now| now.position))
    }

    /// Whom the reader ignores.
    pub fn ignored(&self) -> &HashSet<OwnedUserId> {
        &self.ignored
    }

    /// Whether the reader is spared an event because they ignore its sender.
    pub fn spares(&self, event: &Event) -> bool {
        ignored::spares(&self.ignored, event)
    }

    /// Judges one event of the timeline.
    pub async fn see(&mut self, event: &Arc<Event>) -> Result<Seen> {
        if self.is_whole {
            return Ok(Seen { is_visible: true, membership: Membership::Leave });
        }
        let (visibility, membership) = self.before(event).await?;
        if event.state_key_nid.is_some() && event.state_key_nid == self.member_key {
            // Nobody is kept in the dark about what became of themselves; but what they know of a room
            // that they have forgotten is gone.
            return Ok(Seen { is_visible: self.residence.is_some(), membership: membership_in(event) });
        }
        let mut is_visible = self.allows(&visibility, membership, event);
        if let Some(after) = new_visibility(event) {
            is_visible |= self.allows(&after, membership, event);
        }
        Ok(Seen { is_visible, membership })
    }

    /// A visible event as the reader is told of it. What somebody said who had it erased, only those read who
    /// were in the room then. Client-server API, "Account deactivation", `erase`.
    pub async fn shown(&mut self, event: Arc<Event>, seen: Seen) -> Result<Visible> {
        let membership = seen.membership;
        let was_there = membership == Membership::Join || self.is_whole || event.state_key_nid.is_some();
        let event = match was_there || !self.is_erased(event.sender_nid).await? {
            true => event,
            false => self.rooms.without_content(&self.view, &event)?,
        };
        Ok(Visible { event, membership })
    }

    async fn is_erased(&mut self, sender: UserNid) -> Result<bool> {
        if let Some(is_erased) = self.erased.get(&sender) {
            return Ok(*is_erased);
        }
        let is_erased = accounts::is_erased(&mut *self.rooms.storage.conn().await?, sender).await?;
        self.erased.insert(sender, is_erased);
        Ok(is_erased)
    }

    /// The five rules of the section, and the sentences before them: nobody reads in a room without ever
    /// having been in it, and nothing of what came after they left.
    fn allows(&self, visibility: &HistoryVisibility, membership: Membership, event: &Event) -> bool {
        if *visibility == HistoryVisibility::WorldReadable {
            return true;
        }
        let (Some(now), Some(position)) = (self.residence, event.position()) else { return false };
        let was_in_later = match &self.stay {
            Stay::Never => return false,
            Stay::Ended(_) if position > now.position => return false,
            Stay::Ended(leaving) => leaving.position().is_some_and(|left| position < left),
            Stay::Lasts => true,
        };
        match (visibility, membership) {
            (_, Membership::Join) => true,
            (HistoryVisibility::Invited, membership) => membership == Membership::Invite,
            (HistoryVisibility::Joined, _) => false,
            // `shared`, and anything unknown.
            _ => was_in_later,
        }
    }

    /// Prepares to judge many events at once.
    pub async fn look_ahead(&mut self, events: &[Arc<Event>]) -> Result<()> {
        let mut unknown: Vec<SnapshotNid> = events.iter().filter_map(|event| event.snapshot).collect();
        unknown.retain(|snapshot| !self.known.contains_key(snapshot));
        unknown.sort_unstable();
        unknown.dedup();
        self.learn(&unknown).await
    }

    /// The visibility and the reader's membership before the event.
    async fn before(&mut self, event: &Event) -> Result<(HistoryVisibility, Membership)> {
        // Before the creation event there is no state.
        let nothing = (HistoryVisibility::Shared, Membership::Leave);
        let Some(snapshot) = event.snapshot else { return Ok(nothing) };
        if !self.known.contains_key(&snapshot) {
            self.learn(&[snapshot]).await?;
        }
        Ok(self.known.get(&snapshot).cloned().unwrap_or(nothing))
    }

    /// Takes note of what matters in some states.
    async fn learn(&mut self, snapshots: &[SnapshotNid]) -> Result<()> {
        let keys = [self.visibility_key, self.member_key];
        let now = &self.view.snapshot;
        let (current, others): (Vec<_>, Vec<_>) = snapshots.iter().copied().partition(|nid| *nid == now.nid);
        let mut states = self.rooms.snapshots.entries(&others, keys).await?;
        if !current.is_empty() {
            states.insert(now.nid, keys.map(|key| key.and_then(|key| now.map.get(&key).copied())));
        }
        let nids: BTreeSet<EventNid> = states.values().flatten().filter_map(|event| *event).collect();
        let events = self.rooms.events.load_many(&nids.iter().copied().collect::<Vec<_>>()).await?;
        let events: HashMap<EventNid, Arc<Event>> = events.into_iter().map(|event| (event.nid, event)).collect();
        for (snapshot, [visibility, member]) in states {
            let visibility = visibility.and_then(|nid| new_visibility(events.get(&nid)?));
            let membership = member.and_then(|nid| Some(membership_in(events.get(&nid)?)));
            let state = (visibility.unwrap_or(HistoryVisibility::Shared), membership.unwrap_or(Membership::Leave));
            self.known.insert(snapshot, state);
        }
        Ok(())
    }
}

fn new_visibility(event: &Event) -> Option<HistoryVisibility> {
    #[derive(Deserialize)]
    struct Content {
        history_visibility: HistoryVisibility,
    }
    if *event.kind() != TimelineEventType::RoomHistoryVisibility {
        return None;
    }
    Some(event.content_as::<Content>()?.history_visibility)
}
