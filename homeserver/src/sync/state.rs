//! The state section of a room: what the client needs to know besides the timeline.

use std::{collections::BTreeSet, sync::Arc};

use ruma::UserId;

use super::{
    Asked, Sync,
    room::{Standing, Timeline},
};
use crate::{
    Result,
    event::Event,
    rooms::{
        snapshots::{Snapshot, StateMap},
        view::View,
    },
    storage::numbers::{EventNid, Position, SnapshotNid},
};

impl Sync {
    /// The state events to be told: those before the timeline that the client does not have, or
    /// with `use_state_after` those at its end.
    pub(super) async fn state(
        &self,
        asked: &Asked,
        view: &Arc<View>,
        standing: &Standing,
        timeline: &Timeline,
    ) -> Result<Vec<Arc<Event>>> {
        let start = timeline.events.first().map(|visible| &visible.event);
        let is_whole = standing.since.is_none() || asked.full_state;
        let is_gapless = start.zip(standing.first_unseen.as_ref()).is_some_and(|(start, first)| start.nid == first.nid);
        let mut nids = if is_whole {
            let state = self.state_told(asked, view, standing, start).await?;
            self.whole(asked, &state, timeline).await?
        } else if is_gapless && !asked.use_state_after {
            self.lazy_members_in_memory(asked, view, timeline).await?
        } else if let Some(first) = &standing.first_unseen {
            let known = self.before(view, first.snapshot).await?;
            let told = self.state_told(asked, view, standing, start).await?;
            let mut nids = changed(&known.map, &told.map);
            if asked.filter.lazy_load {
                nids.extend(self.members_of_senders(&told, timeline).await?);
            }
            nids
        } else {
            Vec::new()
        };
        nids.sort_unstable();
        nids.dedup();
        if asked.filter.lazy_load && !asked.filter.redundant_members {
            self.without_redundant(asked, view, standing, &mut nids, is_whole).await?;
        }
        let in_timeline = |nid: &EventNid| timeline.events.iter().any(|visible| visible.event.nid == *nid);
        if !asked.use_state_after {
            nids.retain(|nid| !in_timeline(nid));
        }
        let mut events = self.rooms.events().load_many(&nids).await?;
        events.retain(|event| asked.filter.state.passes(event));
        Ok(events)
    }

    /// The state at the start of the timeline, or with `use_state_after` at its end.
    async fn state_told(
        &self,
        asked: &Asked,
        view: &View,
        standing: &Standing,
        start: Option<&Arc<Event>>,
    ) -> Result<Snapshot> {
        let is_now = standing.until >= self.tail.view().head() || view.is_joined(asked.user.nid);
        match start {
            Some(start) if !asked.use_state_after => self.before(view, start.snapshot).await,
            _ if is_now => Ok(view.snapshot.clone()),
            _ => self.state_at(view, standing.until).await,
        }
    }

    /// The state after the last event up to `position`.
    async fn state_at(&self, view: &View, position: Position) -> Result<Snapshot> {
        let range = crate::storage::events::Range::Down(Position(position.0 + 1), Position(i64::MIN));
        let last = self.rooms.stored_page(view.nid, range, 1).await?.pop();
        let state = match last {
            Some(last) => self.rooms.state_after(&last).await?,
            None => None,
        };
        Ok(state.unwrap_or_else(|| view.snapshot.clone()))
    }

    /// A stored state; before the creation event there is none.
    async fn before(&self, view: &View, snapshot: Option<SnapshotNid>) -> Result<Snapshot> {
        match snapshot {
            Some(snapshot) => self.rooms.snapshots().load(snapshot).await,
            None => Ok(crate::rooms::snapshots::Snapshots::first(view.nid, SnapshotNid(0), StateMap::new()).0),
        }
    }

    /// A whole state, or with lazy loading all of it but for the members who are not needed.
    async fn whole(&self, asked: &Asked, state: &Snapshot, timeline: &Timeline) -> Result<Vec<EventNid>> {
        if !asked.filter.lazy_load {
            return Ok(state.map.values().copied().collect());
        }
        let keys: Vec<_> = state.map.keys().copied().collect();
        let names = self.storage.state_keys(&keys).await?;
        let others = state.map.values().zip(&names).filter(|(_, (kind, _))| kind != "m.room.member");
        let mut nids: Vec<_> = others.map(|(nid, _)| *nid).collect();
        nids.extend(self.members_of_senders(state, timeline).await?);
        nids.extend(self.member(state, &asked.user.id).await?);
        Ok(nids)
    }

    /// The membership events, in a state, of those whose events are in the timeline.
    async fn members_of_senders(&self, state: &Snapshot, timeline: &Timeline) -> Result<Vec<EventNid>> {
        let senders: BTreeSet<&UserId> = timeline.events.iter().map(|visible| visible.event.sender()).collect();
        let mut nids = Vec::with_capacity(senders.len());
        for sender in senders {
            nids.extend(self.member(state, sender).await?);
        }
        Ok(nids)
    }

    async fn member(&self, state: &Snapshot, user: &UserId) -> Result<Option<EventNid>> {
        let key = self.storage.find_state_key_nid("m.room.member", user.as_str()).await?;
        Ok(key.and_then(|key| state.map.get(&key).copied()))
    }

    /// The membership events of the timeline's senders where nothing was left out. The current ones
    /// are those before the timeline too, unless the timeline has them.
    async fn lazy_members_in_memory(&self, asked: &Asked, view: &View, timeline: &Timeline) -> Result<Vec<EventNid>> {
        if !asked.filter.lazy_load {
            return Ok(Vec::new());
        }
        let changes_members = timeline.events.iter().any(|visible| {
            visible.event.state_key_nid.is_some()
                && *visible.event.kind() == ruma::events::TimelineEventType::RoomMember
        });
        let start = timeline.events.first().and_then(|visible| visible.event.snapshot);
        if changes_members && start.is_some() {
            let state = self.before(view, start).await?;
            return self.members_of_senders(&state, timeline).await;
        }
        self.members_of_senders(&view.snapshot, timeline).await
    }

    /// Leaves out the membership events that the device has.
    async fn without_redundant(
        &self,
        asked: &Asked,
        view: &View,
        standing: &Standing,
        nids: &mut Vec<EventNid>,
        is_whole: bool,
    ) -> Result<()> {
        let Some(device_id) = &asked.user.device_id else { return Ok(()) };
        let events = self.rooms.events().load_many(nids).await?;
        let is_member = |event: &&Arc<Event>| *event.kind() == ruma::events::TimelineEventType::RoomMember;
        let mut members: Vec<EventNid> = events.iter().filter(is_member).map(|event| event.nid).collect();
        let all: BTreeSet<EventNid> = members.iter().copied().collect();
        let since = if is_whole { Position(i64::MIN) } else { asked.position().unwrap_or(Position(i64::MIN)) };
        self.lazy_members.select(asked.user.nid, device_id, view.nid, &mut members, since, standing.until);
        let needed: BTreeSet<EventNid> = members.into_iter().collect();
        nids.retain(|nid| !all.contains(nid) || needed.contains(nid));
        Ok(())
    }
}

/// The entries of `to` that are not in `from`.
fn changed(from: &StateMap, to: &StateMap) -> Vec<EventNid> {
    from.diff(to)
        .filter_map(|change| match change {
            imbl::ordmap::DiffItem::Add(_, event) => Some(*event),
            imbl::ordmap::DiffItem::Update { new: (_, event), .. } => Some(*event),
            imbl::ordmap::DiffItem::Remove(..) => None,
        })
        .collect()
}
