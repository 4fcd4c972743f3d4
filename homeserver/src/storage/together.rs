//! Reads together what many ask for at the same moment, as the log writes together: after a restart, one
//! message makes a thousand readers look for the same few things, each for themselves.

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Semaphore, oneshot};

use crate::{Error, Result};

/// Keys that are read at once, at most.
const MOST: usize = 256;
/// Reads that are under way at the same time. With more of them, fewer are read together.
const READS: usize = 2;

/// Reads of values by key; those who ask at the same time share them.
#[derive(Debug)]
pub struct Together<K, V> {
    waiting: Mutex<Vec<(K, oneshot::Sender<V>)>>,
    reads: Semaphore,
}

impl<K, V> Default for Together<K, V> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), reads: Semaphore::new(READS) }
    }
}

impl<K: Copy + Eq + Hash, V: Clone> Together<K, V> {
    /// The value of `key`. It is read by `read`, at once if few reads are under way, otherwise with all
    /// others that came meanwhile by whoever is next. `read` answers a value for each key.
    pub async fn get<R>(&self, key: K, read: impl Fn(Vec<K>) -> R) -> Result<V>
    where
        R: Future<Output = Result<HashMap<K, V>>>,
    {
        let (teller, mut told) = oneshot::channel();
        self.waiting().push((key, teller));
        let turn = tokio::select! {
            biased;
            value = &mut told => return self.or_alone(value.ok(), key, read).await,
            turn = self.reads.acquire() => turn.expect("the semaphore is never closed"),
        };
        self.read_for(self.next(), &read).await?;
        drop(turn);
        // It came with those just read, or somebody else is about to tell it.
        self.or_alone(told.await.ok(), key, read).await
    }

    /// The value that was told, or if whoever was to read it failed or left, one's own reading.
    async fn or_alone<R>(&self, told: Option<V>, key: K, read: impl Fn(Vec<K>) -> R) -> Result<V>
    where
        R: Future<Output = Result<HashMap<K, V>>>,
    {
        match told {
            Some(value) => Ok(value),
            None => {
                read(vec![key]).await?.remove(&key).ok_or_else(|| Error::internal("what was asked for is not there"))
            }
        }
    }

    async fn read_for<R>(&self, asked: Vec<(K, oneshot::Sender<V>)>, read: impl Fn(Vec<K>) -> R) -> Result<()>
    where
        R: Future<Output = Result<HashMap<K, V>>>,
    {
        let keys: HashSet<K> = asked.iter().map(|(key, _)| *key).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let values = read(keys.into_iter().collect()).await?;
        for (key, teller) in asked {
            if let Some(value) = values.get(&key) {
                // Whoever has left needs no answer.
                let _ = teller.send(value.clone());
            }
        }
        Ok(())
    }

    /// Takes those who have waited longest.
    fn next(&self) -> Vec<(K, oneshot::Sender<V>)> {
        let mut waiting = self.waiting();
        let count = waiting.len().min(MOST);
        waiting.drain(..count).collect()
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(K, oneshot::Sender<V>)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
