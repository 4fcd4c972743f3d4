//! Lets one change of something that belongs to a user follow another, where each reads what the
//! last one wrote.

use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};

use crate::storage::numbers::UserNid;

/// Users share so many turns.
const TURNS: usize = 64;

/// Turns of all users; clones share them.
#[derive(Clone, Debug)]
pub struct Turns(Arc<[Mutex<()>; TURNS]>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(std::array::from_fn(|_| Mutex::new(()))))
    }
}

impl Turns {
    /// Waits for the user's turn. It ends with the returned value.
    pub async fn take(&self, user: UserNid) -> MutexGuard<'_, ()> {
        let index = usize::try_from(user.0.unsigned_abs() % TURNS as u64).expect("the remainder is small");
        self.0[index].lock().await
    }
}
