//! Who was told of lately, so that an attack does not fill the log.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

/// At most so many are remembered. While there are as many, others are not told of.
const MOST: usize = 10_000;

/// When somebody was told of last.
#[derive(Debug)]
pub(super) struct Lately<K> {
    told: Mutex<HashMap<K, i64>>,
}

impl<K> Default for Lately<K> {
    fn default() -> Self {
        Self { told: Mutex::default() }
    }
}

impl<K: Eq + Hash> Lately<K> {
    /// Whether to tell of `who`, because that was not done in the last `rest_ms`.
    pub(super) fn is_news(&self, who: K, rest_ms: i64, now_ms: i64) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(&who).is_some_and(|told| now_ms - told < rest_ms) {
            return false;
        }
        if told.len() >= MOST {
            told.retain(|_, told| now_ms - *told < rest_ms);
        }
        if told.len() >= MOST {
            return false;
        }
        told.insert(who, now_ms);
        true
    }
}
