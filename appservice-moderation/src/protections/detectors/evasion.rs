//! Newcomers with the name of somebody who was banned lately. A hint, never more: people share names.

use std::collections::{HashMap, VecDeque};

use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};

use crate::protections::{
    finding::Finding,
    settings::{BanEvasion, Protection},
    sight::Sight,
};

/// So many bans of a room are remembered.
const MOST_BANS: usize = 500;
/// In so many rooms.
const MOST_ROOMS: usize = 2_000;
/// Shorter names are like many others.
const SHORTEST: usize = 4;

/// Who was banned lately.
#[derive(Debug, Default)]
pub(super) struct Evasion {
    by_room: HashMap<OwnedRoomId, VecDeque<Ban>>,
}

#[derive(Clone, Debug)]
struct Ban {
    user: OwnedUserId,
    name: Option<String>,
    at: i64,
}

impl Evasion {
    pub(super) fn banned(&mut self, sight: &Sight, user: &UserId, name: Option<&str>) {
        self.unbanned(&sight.room, user);
        if self.by_room.len() >= MOST_ROOMS && !self.by_room.contains_key(&sight.room) {
            return;
        }
        let bans = self.by_room.entry(sight.room.clone()).or_default();
        bans.push_back(Ban { user: user.to_owned(), name: name.map(ToOwned::to_owned), at: sight.at });
        if bans.len() > MOST_BANS {
            bans.pop_front();
        }
    }

    pub(super) fn unbanned(&mut self, room: &RoomId, user: &UserId) {
        if let Some(bans) = self.by_room.get_mut(room) {
            bans.retain(|ban| ban.user != user);
        }
    }

    pub(super) fn joined(&self, sight: &Sight, name: Option<&str>, settings: &BanEvasion) -> Option<Finding> {
        let since = sight.at.saturating_sub(i64::try_from(settings.within_s.saturating_mul(1000)).unwrap_or(i64::MAX));
        let bans = self.by_room.get(&sight.room)?.iter().rev();
        let ban = bans.filter(|ban| ban.at >= since && ban.user != sight.sender).find(|ban| {
            let of_newcomer = [Some(sight.sender.localpart()), name];
            let of_banned = [Some(ban.user.localpart()), ban.name.as_deref()];
            let mut pairs = of_newcomer
                .into_iter()
                .flatten()
                .flat_map(|new| of_banned.into_iter().flatten().map(move |old| (new, old)));
            pairs.any(|(new, old)| names_are_alike(new, old, settings.letters))
        })?;
        Some(finding(&sight.room, &sight.sender, &ban.user, "has a name like that of"))
    }

    pub(super) fn recently_banned(&self, room: &RoomId, since: i64) -> Vec<OwnedUserId> {
        let bans = self.by_room.get(room).into_iter().flatten();
        bans.filter(|ban| ban.at >= since).map(|ban| ban.user.clone()).collect()
    }
}

/// The finding that `newcomer` may be `banned`, because of what they share.
pub(super) fn finding(room: &RoomId, newcomer: &UserId, banned: &UserId, because: &str) -> Finding {
    let says = format!("{newcomer}, who joined, {because} {banned}, who was banned.");
    let cause = format!("{room}/{newcomer}/{banned}");
    Finding::new(Protection::BanEvasion, &cause, says).in_room(room).about([newcomer.to_owned()])
}

/// Whether two names differ in at most `letters` letters, and in no more than a quarter of them. Capitals,
/// punctuation and digits in the place of letters make no difference.
pub fn names_are_alike(one: &str, other: &str, letters: u32) -> bool {
    let (one, other) = (plain(one), plain(other));
    let length = one.chars().count().min(other.chars().count());
    let most = usize::try_from(letters).unwrap_or(usize::MAX).min(length / 4);
    length >= SHORTEST && strsim::damerau_levenshtein(&one, &other) <= most
}

/// A name without what makes it look different but not sound different.
fn plain(name: &str) -> String {
    let letters = name.chars().flat_map(char::to_lowercase).filter(|letter| letter.is_alphanumeric());
    let letters = letters.map(|letter| match letter {
        '0' => 'o',
        '1' => 'l',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        'і' => 'i',
        'а' => 'a',
        'е' => 'e',
        'о' => 'o',
        'р' => 'p',
        'с' => 'c',
        'х' => 'x',
        'у' => 'y',
        other => other,
    });
    letters.take(255).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_alike_that_look_alike() {
        for (one, other, expected) in [
            ("Mallory", "mall0ry", true),
            ("mallory", "mallory2", true),
            ("mallory", "ma-llo.ry", true),
            ("mаllory", "mallory", true),
            ("mallory", "malroly", false),
            ("mallory", "valery", false),
            ("spammer2000", "spammer3001", true),
            ("bob", "bob", false),
            ("alice", "alise", true),
            ("alice", "elise", false),
        ] {
            assert_eq!(names_are_alike(one, other, 2), expected, "{one} {other}");
        }
    }
}
