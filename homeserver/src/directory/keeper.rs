//! Keeps the published list up to date with the rooms' states.

use std::{collections::BTreeSet, time::Duration};

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Directory;
use crate::{
    Result,
    storage::{
        directory::lists,
        numbers::{Position, RoomNid},
    },
    tail::Fact,
    tasks::Tasks,
};

/// How long changes are gathered, so that many joins of one room make one change of the list.
const GATHER: Duration = Duration::from_millis(100);
/// After this time all published rooms are compared, for changes that other processes made.
const COMPARE_ALL: Duration = Duration::from_mins(1);
/// How long to rest when the database does not answer.
const REST: Duration = Duration::from_secs(2);

impl Directory {
    /// Starts to follow the log.
    pub fn start(&self, tasks: &Tasks) {
        let directory = self.clone();
        tasks.start("directory", move |stop| {
            let directory = directory.clone();
            async move { directory.follow(stop).await }
        });
    }

    /// Resolves when the list tells of everything that is committed by now.
    pub async fn settled(&self) {
        let head = self.tail.view().head();
        let mut listed_up_to = self.listed_up_to.subscribe();
        // The sender lives as long as this.
        let _ = listed_up_to.wait_for(|position| *position >= head).await;
    }

    async fn follow(&self, stop: CancellationToken) {
        let mut head = self.tail.bus().watch();
        // None: nothing is known of what happened before.
        let mut seen: Option<Position> = None;
        loop {
            let until = *head.borrow_and_update();
            let rest = match self.catch_up(seen).await {
                Ok(()) => {
                    seen = Some(until);
                    self.listed_up_to.send_replace(until);
                    GATHER
                }
                Err(error) => {
                    warn!(%error, "The list of published rooms could not be brought up to date; it is tried again");
                    seen = None;
                    REST
                }
            };
            tokio::select! {
                changed = tokio::time::timeout(COMPARE_ALL, head.changed()), if seen.is_some() => match changed {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return,
                    Err(_) => seen = None,
                },
                () = std::future::ready(()), if seen.is_none() => {}
                () = stop.cancelled() => return,
            }
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Renews the entries of the rooms whose state changed after `since`; of all that are outdated,
    /// if that is no longer known.
    async fn catch_up(&self, since: Option<Position>) -> Result<()> {
        let changed = since.and_then(|since| self.changed_rooms(since));
        let outdated = match changed {
            Some(rooms) if rooms.is_empty() => return Ok(()),
            Some(rooms) => lists::outdated_among(&mut *self.storage.conn().await?, &rooms).await?,
            None => lists::outdated(&mut *self.storage.conn().await?).await?,
        };
        for room in outdated {
            let listed = self.listed(&*self.rooms.load(room).await?).await?;
            lists::renew(&mut *self.storage.conn().await?, &listed).await?;
        }
        Ok(())
    }

    /// The rooms whose state changed after `since`, if the tail reaches back so far.
    fn changed_rooms(&self, since: Position) -> Option<Vec<RoomNid>> {
        let tail = self.tail.view();
        if !tail.reaches(since) {
            return None;
        }
        let rooms: BTreeSet<RoomNid> = tail.rooms_with_news(since).collect();
        let is_changed = |room: &RoomNid| {
            tail.room(*room, since)
                .any(|entry| matches!(&entry.fact, Fact::Event(event) if event.state_key_nid.is_some()))
        };
        Some(rooms.into_iter().filter(is_changed).collect())
    }
}
