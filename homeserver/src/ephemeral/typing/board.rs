//! The board on which is written who is typing where. Knows no clock and wakes nobody.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use ruma::{OwnedUserId, UserId};

use crate::storage::numbers::RoomNid;

/// Rooms in which nobody is typing any more are remembered for so long, for readers who believe
/// that somebody is. In milliseconds, as the counter's numbers are.
const REMEMBERED_MS: u64 = 86_400_000;

/// Who is typing where.
#[derive(Debug, Default)]
pub struct Board {
    rooms: HashMap<RoomNid, Room>,
    /// Each room under the number of its newest change.
    changes: BTreeMap<u64, RoomNid>,
    /// The rooms in which somebody is typing.
    lively: HashSet<RoomNid>,
}

#[derive(Debug, Default)]
struct Room {
    /// With the time until when, in ms since the epoch.
    typing: Vec<(OwnedUserId, i64)>,
    /// The number of the newest change.
    changed: u64,
}

impl Board {
    /// `user` is typing until `until`. Returns whether that is news, which is numbered by `number`.
    pub fn start(&mut self, room: RoomNid, user: &UserId, until: i64, number: impl FnOnce() -> u64) -> bool {
        let entry = self.rooms.entry(room).or_default();
        if let Some((_, present)) = entry.typing.iter_mut().find(|(typing, _)| typing == user) {
            *present = until;
            return false;
        }
        entry.typing.push((user.to_owned(), until));
        self.lively.insert(room);
        self.change(room, number());
        true
    }

    /// `user` has stopped. Returns whether that is news.
    pub fn stop(&mut self, room: RoomNid, user: &UserId, number: impl FnOnce() -> u64) -> bool {
        let Some(entry) = self.rooms.get_mut(&room) else { return false };
        let before = entry.typing.len();
        entry.typing.retain(|(typing, _)| typing != user);
        if entry.typing.len() == before {
            return false;
        }
        self.change(room, number());
        true
    }

    /// Takes off those who said nothing for too long; returns the rooms that changed.
    pub fn expire(&mut self, now_ms: i64, mut number: impl FnMut() -> u64) -> Vec<RoomNid> {
        let mut changed = Vec::new();
        for room in &self.lively {
            let Some(entry) = self.rooms.get_mut(room) else { continue };
            let before = entry.typing.len();
            entry.typing.retain(|(_, until)| *until > now_ms);
            if entry.typing.len() < before {
                changed.push(*room);
            }
        }
        for room in &changed {
            self.change(*room, number());
        }
        self.forget_before(now_ms.unsigned_abs().saturating_sub(REMEMBERED_MS));
        changed
    }

    /// Who is typing in `room`, if that has changed after `since`; see [`super::Typing`].
    pub fn changed_since(&self, room: RoomNid, since: u64) -> Option<Vec<OwnedUserId>> {
        let entry = self.rooms.get(&room).filter(|entry| entry.changed > since)?;
        if since == 0 && entry.typing.is_empty() {
            return None;
        }
        Some(entry.typing.iter().map(|(user, _)| user.clone()).collect())
    }

    /// The rooms that have changed after `since`.
    pub fn rooms_changed_since(&self, since: u64) -> Vec<RoomNid> {
        self.changes.range(since.saturating_add(1)..).map(|(_, room)| *room).collect()
    }

    /// Whether anybody is typing anywhere.
    pub fn is_somebody_typing(&self) -> bool {
        !self.lively.is_empty()
    }

    fn change(&mut self, room: RoomNid, number: u64) {
        let Some(entry) = self.rooms.get_mut(&room) else { return };
        self.changes.remove(&entry.changed);
        entry.changed = number;
        self.changes.insert(number, room);
        if entry.typing.is_empty() {
            self.lively.remove(&room);
        }
    }

    fn forget_before(&mut self, oldest: u64) {
        while let Some((number, room)) = self.changes.first_key_value().map(|(number, room)| (*number, *room))
            && number < oldest
            && !self.lively.contains(&room)
        {
            self.changes.remove(&number);
            self.rooms.remove(&room);
        }
    }
}
