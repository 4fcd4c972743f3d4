//! Who has changed devices or keys, and who has to be told.

use std::collections::HashSet;

use ruma::OwnedUserId;

use super::Keys;
use crate::{
    Result,
    storage::{
        device_lists,
        keys::changes::KeyChange,
        log::rows::{DeviceListRow, Rows},
        numbers::{Position, UserNid},
    },
    tail::{Fact, Job, Tail},
};

/// What a client has to know about the devices of others since some time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes<U = OwnedUserId> {
    /// Users whose keys must be queried again.
    pub changed: Vec<U>,
    /// Users whose devices need not be followed any more.
    pub left: Vec<U>,
}

/// The job for the log that changes the keys of `changed` and tells of it; `by` is who did it, whose
/// own devices are woken. Those who share rooms with `changed` are woken by [`wake_sharers`].
pub fn change(changed: UserNid, by: UserNid, keys: Vec<KeyChange>) -> Job {
    let mut rows = Rows::default();
    rows.device_lists.push(DeviceListRow::new(changed));
    rows.keys = keys;
    Job {
        rows,
        broken: None,
        publish: Box::new(move |tail, first| {
            tail.push(first, Fact::DeviceList(changed));
            tail.wake(by);
        }),
    }
}

/// Wakes those who have to know of the device list changes after `since`, as `sharers` names them for
/// each user: who shares a room with it and is local. Returns the position to go on from.
///
/// This layer knows nothing of rooms. Whoever does calls this from a task that watches the end of
/// the log (`tail.bus().watch()`), beginning at the log's head at start-up.
pub fn wake_sharers<I>(tail: &Tail, since: Position, sharers: impl Fn(UserNid) -> I) -> Position
where
    I: IntoIterator<Item = UserNid>,
{
    let (changed, head) = {
        let view = tail.view();
        (view.device_lists(since).collect::<HashSet<_>>(), view.head())
    };
    let woken: HashSet<UserNid> = changed.into_iter().flat_map(sharers).collect();
    tail.bus().wake(&woken);
    head
}

/// What `asker` has to know, of the users who `changed`, those it `met` in a room or `parted` from
/// since the same time, and its present `sharers`. Others than sharers are never told of.
pub fn relevant<U: Clone + Eq + std::hash::Hash>(
    asker: &U,
    changed: impl IntoIterator<Item = U>,
    met: impl IntoIterator<Item = U>,
    parted: impl IntoIterator<Item = U>,
    sharers: &HashSet<U>,
) -> Changes<U> {
    let mut told = HashSet::new();
    // The user's own devices matter to it in any case, to be met or left they need no telling.
    let changed = changed.into_iter().filter(|user| sharers.contains(user) || user == asker);
    let met = met.into_iter().filter(|user| sharers.contains(user) && user != asker);
    let changed = changed.chain(met).filter(|user| told.insert(user.clone())).collect();
    let mut told = HashSet::new();
    let parted = parted.into_iter().filter(|user| !sharers.contains(user) && user != asker);
    Changes { changed, left: parted.filter(|user| told.insert(user.clone())).collect() }
}

impl Keys {
    /// What `asker` has to know about the devices of others since `from`.
    ///
    /// There is no end to the time: whoever changed again later has to be asked again all the same.
    pub async fn changes(&self, asker: UserNid, from: Position) -> Result<Changes> {
        let mut conn = self.storage.conn().await?;
        let changed = device_lists::list_changed(&mut conn, from).await?;
        let met = device_lists::list_met(&mut conn, asker, from).await?;
        let parted = device_lists::list_parted(&mut conn, asker, from).await?;
        let sharers = device_lists::list_sharers(&mut conn, asker).await?.into_iter().collect();
        drop(conn);
        let Changes { changed, left } = relevant(&asker, changed, met, parted, &sharers);
        Ok(Changes { changed: self.storage.user_ids(&changed).await?, left: self.storage.user_ids(&left).await? })
    }
}
