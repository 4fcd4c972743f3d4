//! What is new for one user at one moment, gathered from memory while nothing can change.

use std::sync::Arc;

use crate::{
    Result,
    event::Event,
    rooms::residents::{Residence, Residents, UserRooms},
    storage::{
        numbers::{Position, RoomNid, UserNid},
        rooms::Membership,
    },
    tail::{Entry, Fact, Receipt, Tail},
};

/// All that may have to be told to one user.
#[derive(Debug)]
pub struct Moment {
    /// The end of the log.
    pub head: Position,
    /// The rooms that the user has to do with.
    pub rooms: UserRooms,
    /// Rooms in which something happened.
    pub news: Vec<RoomNews>,
    /// Account data and to-device messages; none if they have to be read from the database.
    pub own: Option<Vec<Entry>>,
    /// Users whose devices changed; none if they have to be read from the database.
    pub device_lists: Option<Vec<UserNid>>,
}

/// What happened in one room.
#[derive(Debug)]
pub struct RoomNews {
    /// The room.
    pub room: RoomNid,
    /// The user's relation to it.
    pub residence: Residence,
    /// The facts since the client's token; none if they have to be read from the database.
    pub facts: Option<Vec<Entry>>,
    /// All receipts of a room that is new to the client, oldest first; see `Sync::prepare`.
    pub receipts_so_far: Vec<Arc<Receipt>>,
}

impl RoomNews {
    /// The events among the facts.
    pub fn events(&self) -> Option<Vec<Arc<Event>>> {
        let events = self.facts.as_ref()?.iter().filter_map(|entry| match &entry.fact {
            Fact::Event(event) => Some(event.clone()),
            _ => None,
        });
        Some(events.collect())
    }

    /// The receipts among the facts.
    pub fn receipts(&self) -> Option<Vec<Arc<Receipt>>> {
        let receipts = self.facts.as_ref()?.iter().filter_map(|entry| match &entry.fact {
            Fact::Receipt(receipt) => Some(receipt.clone()),
            _ => None,
        });
        Some(receipts.collect())
    }
}

impl Moment {
    /// Gathers what `user` has not seen after `since`; everything, if none. With `all_rooms` also those that
    /// they are in and where nothing happened.
    pub async fn gather(
        tail: &Tail,
        residents: &Residents,
        user: UserNid,
        since: Option<Position>,
        all_rooms: bool,
    ) -> Result<Self> {
        loop {
            if let Some(moment) = Self::try_gather(tail, residents, user, since, all_rooms) {
                return Ok(moment);
            }
            residents.load(user).await?;
        }
    }

    /// The same, if the user's rooms are in memory.
    fn try_gather(
        tail: &Tail,
        residents: &Residents,
        user: UserNid,
        since: Option<Position>,
        all_rooms: bool,
    ) -> Option<Self> {
        let view = tail.view();
        let rooms = residents.find(user)?;
        let head = view.head();
        let known = since.filter(|since| view.reaches(*since));
        let own: Option<Vec<Entry>> = known.map(|since| view.user(user, since).cloned().collect());
        let has_account_data = |room| {
            let mut own = own.iter().flatten();
            own.any(|entry| matches!(&entry.fact, Fact::AccountData(data) if data.room == Some(room)))
        };
        let mut news = Vec::new();
        for (room, residence) in &rooms {
            let is_new = since.is_none_or(|since| residence.position > since);
            let is_joined = residence.membership == Membership::Join;
            let has_news = match known {
                Some(since) => all_rooms || view.room_has_news(*room, since) || has_account_data(*room),
                None => true,
            };
            if is_new || (is_joined && has_news) {
                let facts = known.map(|since| view.room(*room, since).cloned().collect());
                news.push(RoomNews { room: *room, residence: *residence, facts, receipts_so_far: Vec::new() });
            }
        }
        let device_lists = known.map(|since| view.device_lists(since).collect());
        Some(Self { head, rooms, news, own, device_lists })
    }

    /// Adds those of `rooms` that the user is in, because something passed there that is not stored.
    pub fn note_rooms(&mut self, rooms: Vec<RoomNid>) {
        for room in rooms {
            let residence = self.rooms.get(&room).filter(|residence| residence.membership == Membership::Join);
            if let Some(residence) = residence
                && !self.news.iter().any(|news| news.room == room)
            {
                self.news.push(RoomNews {
                    room,
                    residence: *residence,
                    facts: Some(Vec::new()),
                    receipts_so_far: Vec::new(),
                });
            }
        }
    }

    /// Whether there is certainly nothing to tell.
    pub fn is_quiet(&self) -> bool {
        self.news.is_empty()
            && self.own.as_ref().is_some_and(Vec::is_empty)
            && self.device_lists.as_ref().is_some_and(Vec::is_empty)
    }
}
