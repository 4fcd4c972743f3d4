//! Everybody whose presence is in memory, with what of it is news. Knows no clock and wakes nobody.

#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap, HashSet},
};

use ruma::{OwnedUserId, UserId};

use super::person::{Person, State};
use crate::storage::{numbers::UserNid, presence::PresenceRow};

/// Everybody in memory.
#[derive(Debug, Default)]
pub struct People {
    people: HashMap<UserNid, Person>,
    /// Each of whom anything is shown, under the number of the newest change.
    changes: BTreeMap<u64, UserNid>,
    /// When to look at whom again. Where somebody was to be looked at later before, that entry is
    /// left over and means nothing.
    due: BinaryHeap<Reverse<(i64, UserNid)>>,
    /// Those of whom something changed that is to be stored.
    unsaved: HashSet<UserNid>,
    /// Those of whom what is stored is not known yet.
    unknown: Vec<(UserNid, OwnedUserId)>,
    /// Those with another state or status, of whom others are to be told at once. What they are
    /// doing is told when others ask.
    news: HashSet<UserNid>,
}

impl People {
    /// Finds a person.
    pub fn find(&self, user: UserNid) -> Option<&Person> {
        self.people.get(&user)
    }

    /// Those of whom what others see has changed after `since`; with `since` 0, all who are there.
    pub fn changed_since(&self, since: u64) -> impl Iterator<Item = (UserNid, &Person)> {
        let changed = self.changes.range(since.saturating_add(1)..).filter_map(|(_, user)| {
            let person = self.people.get(user)?;
            Some((*user, person))
        });
        changed.filter(move |(_, person)| since > 0 || person.shown().state != State::Offline)
    }

    /// Changes a person, and numbers the change if others see it.
    pub fn change(
        &mut self,
        user: UserNid,
        user_id: &UserId,
        now: i64,
        number: impl FnOnce() -> u64,
        change: impl FnOnce(&mut Person),
    ) {
        let person = self.people.entry(user).or_insert_with(|| {
            self.unknown.push((user, user_id.to_owned()));
            Person::new(user_id)
        });
        let active_at = person.last_active_at;
        change(person);
        if person.last_active_at != active_at {
            self.unsaved.insert(user);
        }
        self.conclude(user, now, number);
    }

    /// Whether there are some to be learnt of, or to be told of.
    pub fn has_work(&self) -> bool {
        !self.unknown.is_empty() || !self.news.is_empty()
    }

    /// Takes those of whom others are to be told at once.
    pub fn take_news(&mut self) -> HashSet<UserNid> {
        std::mem::take(&mut self.news)
    }

    /// Takes those of whom what is stored is to be learnt.
    pub fn take_unknown(&mut self) -> Vec<(UserNid, OwnedUserId)> {
        std::mem::take(&mut self.unknown)
    }

    /// Looks at those who are due.
    pub fn look(&mut self, now: i64, mut number: impl FnMut() -> u64) {
        while let Some(Reverse((due, user))) = self.due.peek().copied()
            && due <= now
        {
            self.due.pop();
            let Some(person) = self.people.get_mut(&user).filter(|person| person.look_at == due) else { continue };
            person.look_at = i64::MAX;
            if person.is_long_gone(now) && !self.unsaved.contains(&user) {
                let changed = person.changed;
                self.people.remove(&user);
                self.changes.remove(&changed);
            } else {
                self.conclude(user, now, &mut number);
            }
        }
    }

    /// Notes that what is stored of somebody is no longer right.
    pub fn note_unsaved(&mut self, user: UserNid) {
        self.unsaved.insert(user);
    }

    /// Takes what is to be stored.
    pub fn take_unsaved(&mut self) -> Vec<PresenceRow> {
        let unsaved = std::mem::take(&mut self.unsaved);
        unsaved.into_iter().filter_map(|user| Some(self.people.get(&user)?.row(user))).collect()
    }

    fn conclude(&mut self, user: UserNid, now: i64, number: impl FnOnce() -> u64) {
        let Some(person) = self.people.get_mut(&user) else { return };
        let before = person.conclude(now);
        let due = person.due(now);
        if due < person.look_at {
            person.look_at = due;
            self.due.push(Reverse((due, user)));
        }
        let Some(before) = before else { return };
        self.changes.remove(&person.changed);
        person.changed = number();
        self.changes.insert(person.changed, user);
        let shown = person.shown();
        if shown.status_msg != before.status_msg {
            self.unsaved.insert(user);
        }
        if (shown.state, &shown.status_msg) != (before.state, &before.status_msg) {
            self.news.insert(user);
        }
    }
}
