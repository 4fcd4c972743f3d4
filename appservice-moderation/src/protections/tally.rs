//! Counts what is alike within a sliding time. Bounded in memory, and empty after a restart: then it
//! takes a little longer until something is found, which harms nobody.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// So many keys are remembered.
const MOST_KEYS: usize = 10_000;
/// So many entries of a key are remembered beyond the limit.
const SURPLUS: usize = 200;

/// How many there may be, and in what time.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// So many are all right.
    pub most: u32,
    /// The time, in seconds.
    pub within_s: u64,
}

impl Limit {
    fn within_ms(self) -> i64 {
        i64::try_from(self.within_s.saturating_mul(1000)).unwrap_or(i64::MAX)
    }
}

/// What a new entry means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Count {
    /// There are not too many.
    Few,
    /// With this one there are too many: all of them, the oldest first.
    TooMany(Vec<String>),
    /// There were too many already. The entry with which it began.
    More(String),
}

/// The entries of one key.
#[derive(Debug, Default)]
struct Entries {
    /// When, and what; the oldest first.
    recent: VecDeque<(i64, String)>,
    /// With which entry there were too many, as long as there are.
    began: Option<String>,
}

/// Counts by keys.
#[derive(Debug)]
pub struct Tally<K> {
    by_key: HashMap<K, Entries>,
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self { by_key: HashMap::new() }
    }
}

impl<K: Eq + Hash + Clone> Tally<K> {
    /// Counts `entry` for `key`. The same entry counts once, however often it comes.
    pub fn note(&mut self, key: K, entry: &str, at: i64, limit: Limit) -> Count {
        if self.by_key.len() >= MOST_KEYS && !self.by_key.contains_key(&key) {
            self.make_room(at - limit.within_ms());
        }
        let entries = self.by_key.entry(key).or_default();
        entries.forget_before(at.saturating_sub(limit.within_ms()));
        let most = usize::try_from(limit.most).unwrap_or(usize::MAX);
        if entries.recent.len() <= most {
            entries.began = None;
        }
        if !entries.recent.iter().any(|(_, known)| known == entry) {
            entries.recent.push_back((at, entry.to_owned()));
        }
        while entries.recent.len() > most.saturating_add(SURPLUS) {
            entries.recent.pop_front();
        }
        if entries.recent.len() <= most {
            return Count::Few;
        }
        match &entries.began {
            // What is looked at once more, because something was away, means what it meant before.
            Some(began) if began != entry => Count::More(began.clone()),
            _ => {
                entries.began = Some(entry.to_owned());
                Count::TooMany(entries.recent.iter().map(|(_, entry)| entry.clone()).collect())
            }
        }
    }

    /// Forgets what is older than `before`; if that is not enough, the half that is longest ago.
    fn make_room(&mut self, before: i64) {
        self.by_key.retain(|_, entries| entries.last() >= before);
        if self.by_key.len() < MOST_KEYS {
            return;
        }
        let mut times: Vec<i64> = self.by_key.values().map(Entries::last).collect();
        let middle = times.len() / 2;
        let (_, median, _) = times.select_nth_unstable(middle);
        let median = *median;
        self.by_key.retain(|_, entries| entries.last() > median);
    }
}

impl Entries {
    fn last(&self) -> i64 {
        self.recent.back().map_or(i64::MIN, |(at, _)| *at)
    }

    fn forget_before(&mut self, before: i64) {
        while self.recent.front().is_some_and(|(at, _)| *at <= before) {
            self.recent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { most: 2, within_s: 10 };

    fn all(entries: [&str; 3]) -> Count {
        Count::TooMany(entries.map(ToOwned::to_owned).to_vec())
    }

    #[test]
    fn it_tells_once_that_there_are_too_many_and_again_after_a_rest() {
        let mut tally = Tally::default();

        assert_eq!(tally.note("a", "1", 0, LIMIT), Count::Few);
        assert_eq!(tally.note("a", "2", 1_000, LIMIT), Count::Few);
        assert_eq!(tally.note("b", "3", 1_000, LIMIT), Count::Few);
        assert_eq!(tally.note("a", "4", 9_000, LIMIT), all(["1", "2", "4"]));
        assert_eq!(tally.note("a", "4", 9_000, LIMIT), all(["1", "2", "4"]));
        assert_eq!(tally.note("a", "5", 9_500, LIMIT), Count::More("4".to_owned()));
        assert_eq!(tally.note("a", "6", 30_000, LIMIT), Count::Few);
        assert_eq!(tally.note("a", "7", 30_000, LIMIT), Count::Few);
        assert_eq!(tally.note("a", "8", 30_000, LIMIT), all(["6", "7", "8"]));
    }

    #[test]
    fn what_is_told_twice_counts_once() {
        let mut tally = Tally::default();

        for _ in 0..5 {
            assert_eq!(tally.note("a", "1", 0, LIMIT), Count::Few);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut tally = Tally::default();
        for key in 0..3 * MOST_KEYS {
            tally.note(key, "1", i64::try_from(key).expect("it is small"), LIMIT);
            assert!(tally.by_key.len() <= MOST_KEYS);
        }
        for entry in 0..10_000 {
            tally.note(3 * MOST_KEYS, &entry.to_string(), 1_000_000, LIMIT);
        }
        assert!(tally.by_key[&(3 * MOST_KEYS)].recent.len() <= 2 + SURPLUS);
    }
}
