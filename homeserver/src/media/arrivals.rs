//! The waiting room of downloads whose content is still being uploaded. Carries no facts: who is
//! woken looks again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// Who waits for which media; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Arrivals(Arc<Mutex<HashMap<String, Waiters>>>);

#[derive(Debug, Default)]
struct Waiters {
    count: usize,
    notify: Arc<Notify>,
}

impl Arrivals {
    /// Takes a place among those who wait for `media_id`. Whatever arrives from now on is noticed.
    pub fn wait(&self, media_id: &str) -> Place {
        let mut rooms = self.lock();
        let waiters = rooms.entry(media_id.to_owned()).or_default();
        waiters.count += 1;
        Place { arrivals: self.clone(), media_id: media_id.to_owned(), notify: waiters.notify.clone() }
    }

    /// Wakes those who wait for `media_id`.
    pub fn announce(&self, media_id: &str) {
        if let Some(waiters) = self.lock().get(media_id) {
            waiters.notify.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Waiters>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the waiting room; leaving it is dropping it.
#[derive(Debug)]
pub struct Place {
    arrivals: Arrivals,
    media_id: String,
    notify: Arc<Notify>,
}

impl Place {
    /// Resolves when the media has arrived after this was called (not only after it was awaited).
    pub fn arrival(&self) -> impl Future<Output = ()> + '_ {
        self.notify.notified()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut rooms = self.arrivals.lock();
        if let Some(waiters) = rooms.get_mut(&self.media_id) {
            waiters.count -= 1;
            if waiters.count == 0 {
                rooms.remove(&self.media_id);
            }
        }
    }
}
