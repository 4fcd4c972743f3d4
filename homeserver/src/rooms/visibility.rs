//! Who may see which event. Client-server API, "Room history visibility".

use std::{collections::HashMap, sync::Arc};

use ruma::events::{TimelineEventType, room::history_visibility::HistoryVisibility};
use serde::Deserialize;

use super::{
    Rooms,
    view::{View, membership_in},
};
use crate::{
    Result,
    event::Event,
    storage::{
        numbers::{SnapshotNid, StateKeyNid, UserNid},
        rooms::{self, Membership},
    },
};

/// What one reader may see of one room.
#[derive(Debug)]
pub struct Sight {
    rooms: Rooms,
    view: Arc<View>,
    member_key: Option<StateKeyNid>,
    visibility_key: Option<StateKeyNid>,
    /// What the reader is, or was last, in the room; with the position since when.
    residence: Option<rooms::StoredMember>,
    known: HashMap<SnapshotNid, (HistoryVisibility, Membership)>,
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
        let residence = rooms::find_member(&mut *self.storage.conn().await?, view.nid, reader).await?;
        Ok(Sight {
            rooms: self.clone(),
            view: view.clone(),
            member_key: self.storage.find_state_key_nid("m.room.member", user_id.as_str()).await?,
            visibility_key: self.storage.find_state_key_nid("m.room.history_visibility", "").await?,
            residence,
            known: HashMap::new(),
        })
    }

    /// The newest event of the room that `view`'s reader may know of: now for those who are in it,
    /// when they left for those who were.
    pub fn may_read_on(&self, view: &View, reader: UserNid) -> bool {
        view.is_joined(reader) || view.history_visibility() == HistoryVisibility::WorldReadable
    }
}

impl Sight {
    /// What the reader is, or was last, in the room.
    pub fn residence(&self) -> Option<&rooms::StoredMember> {
        self.residence.as_ref()
    }

    /// Judges one event of the timeline.
    pub async fn see(&mut self, event: &Arc<Event>) -> Result<Seen> {
        let (visibility, membership) = self.before(event).await?;
        let is_own_member_event = event.state_key_nid.is_some() && event.state_key_nid == self.member_key;
        if is_own_member_event {
            // The event that changes the reader's own membership is judged by the better of both.
            let after = membership_in(event);
            let is_visible = self.allows(&visibility, membership, event) || self.allows(&visibility, after, event);
            let is_about_me = matches!(after, Membership::Join | Membership::Invite | Membership::Knock);
            return Ok(Seen {
                is_visible: is_visible || is_about_me || membership == Membership::Join,
                membership: after,
            });
        }
        let mut is_visible = self.allows(&visibility, membership, event);
        if let Some(after) = new_visibility(event) {
            is_visible |= self.allows(&after, membership, event);
        }
        Ok(Seen { is_visible, membership })
    }

    fn allows(&self, visibility: &HistoryVisibility, membership: Membership, event: &Event) -> bool {
        if *visibility == HistoryVisibility::WorldReadable || membership == Membership::Join {
            return true;
        }
        match visibility {
            HistoryVisibility::Invited => membership == Membership::Invite,
            HistoryVisibility::Joined => false,
            // `shared`, and anything unknown: visible to whoever joined at any later time.
            _ => self.joined_after(event),
        }
    }

    fn joined_after(&self, event: &Event) -> bool {
        match &self.residence {
            Some(member) if member.membership == Membership::Join => true,
            // They left: what came before was visible while they were in.
            Some(member) => event.position().is_some_and(|position| position < member.position) && self.was_in(member),
            None => false,
        }
    }

    fn was_in(&self, member: &rooms::StoredMember) -> bool {
        matches!(member.membership, Membership::Leave | Membership::Ban)
    }

    /// The visibility and the reader's membership before the event.
    async fn before(&mut self, event: &Event) -> Result<(HistoryVisibility, Membership)> {
        let Some(snapshot) = event.snapshot else {
            return Ok((self.view.history_visibility(), Membership::Leave));
        };
        if let Some(known) = self.known.get(&snapshot) {
            return Ok(known.clone());
        }
        let visibility = match self.entry(snapshot, self.visibility_key).await? {
            Some(event) => new_visibility(&event).unwrap_or(HistoryVisibility::Shared),
            None => HistoryVisibility::Shared,
        };
        let membership = match self.entry(snapshot, self.member_key).await? {
            Some(event) => membership_in(&event),
            None => Membership::Leave,
        };
        self.known.insert(snapshot, (visibility.clone(), membership));
        Ok((visibility, membership))
    }

    async fn entry(&self, snapshot: SnapshotNid, key: Option<StateKeyNid>) -> Result<Option<Arc<Event>>> {
        let Some(key) = key else { return Ok(None) };
        match self.rooms.snapshots.entry(snapshot, key).await? {
            Some(event) => Ok(Some(self.rooms.events.load(event).await?)),
            None => Ok(None),
        }
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
