//! The settings in force: what is configured, with what operators changed in all rooms, and in one.

use std::collections::HashMap;

use ruma::{OwnedRoomId, RoomId};

use super::{change::Changes, settings::Protections};
use crate::storage::protections::StoredChange;

/// The settings in force.
#[derive(Clone, Debug)]
pub struct Chosen {
    everywhere: Protections,
    /// What is different in all rooms.
    changes: Changes,
    /// What is different in single rooms, and what comes of it.
    by_room: HashMap<OwnedRoomId, (Changes, Protections)>,
}

impl Chosen {
    /// What comes of `configured` and all changes.
    pub fn new(configured: &Protections, stored: &[StoredChange]) -> Self {
        let changes = |of: Option<&RoomId>| -> Changes {
            let those = stored.iter().filter(|change| change.room_id.as_deref() == of);
            those
                .filter_map(|change| Some((change.path.clone(), serde_json::from_slice(&change.value).ok()?)))
                .collect()
        };
        let all = changes(None);
        let everywhere = configured.changed(&all);
        let rooms = stored.iter().filter_map(|change| change.room_id.clone());
        let by_room = rooms.map(|room| {
            let own = changes(Some(&room));
            let settings = everywhere.changed(&own);
            (room, (own, settings))
        });
        Self { by_room: by_room.collect(), changes: all, everywhere }
    }

    /// Those of the server, and of rooms where nothing else was chosen.
    pub fn everywhere(&self) -> &Protections {
        &self.everywhere
    }

    /// Those of a room.
    pub fn of(&self, room: &RoomId) -> &Protections {
        self.by_room.get(room).map_or(&self.everywhere, |(_, settings)| settings)
    }

    /// What operators changed, in all rooms or in one.
    pub fn changes(&self, room: Option<&RoomId>) -> Option<&Changes> {
        match room {
            Some(room) => self.by_room.get(room).map(|(changes, _)| changes),
            None => Some(&self.changes),
        }
    }

    /// The rooms in which something else was chosen.
    pub fn rooms(&self) -> impl Iterator<Item = &RoomId> {
        self.by_room.keys().map(|room| &**room)
    }
}

#[cfg(test)]
mod tests {
    use ruma::room_id;

    use super::*;

    #[test]
    fn a_room_has_what_is_chosen_for_it_and_else_what_is_chosen_for_all() {
        let here = room_id!("!here:here.test");
        let change = |room: Option<&RoomId>, path: &str, value: &str| StoredChange {
            room_id: room.map(ToOwned::to_owned),
            path: path.to_owned(),
            value: value.as_bytes().to_vec(),
        };
        let stored = [
            change(None, "flood.events", "3"),
            change(None, "flood.within_s", "30"),
            change(Some(here), "flood.events", "5"),
        ];

        let chosen = Chosen::new(&Protections::default(), &stored);

        let flood = |room: &RoomId| (chosen.of(room).flood.events, chosen.of(room).flood.within_s);
        assert_eq!(flood(here), (5, 30));
        assert_eq!(flood(room_id!("!there:here.test")), (3, 30));
        assert_eq!(chosen.rooms().count(), 1);
    }
}
