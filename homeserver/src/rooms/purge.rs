//! Forgets what was said in rooms. What remains of a room is its state, which everything else is built
//! upon; of a room that is purged as a whole, without anything that people wrote.

use std::sync::Arc;

use super::{Rooms, heads::Extremity, redaction, view::View};
use crate::{
    Error, Result,
    event::{Event, flags},
    storage::{
        log::rows::{RedactedRow, Rows},
        numbers::{EventNid, Position, RoomNid, UserNid},
        purges,
    },
    tail::{self, Job},
};

impl Rooms {
    /// A page of the events of a room's timeline that a user sent, the newest first, from below a position.
    pub async fn sent_by(
        &self,
        room: RoomNid,
        sender: UserNid,
        below: Position,
        limit: usize,
    ) -> Result<Vec<Arc<Event>>> {
        let stored =
            crate::storage::events::sent_by(&mut *self.storage.conn().await?, room, sender, below, limit).await?;
        stored.into_iter().map(|stored| self.events.admit(stored)).collect()
    }

    /// Deletes what was said in a room up to a position, what users of this server said only if
    /// `with_local`. It can be begun anew at any moment.
    pub async fn purge_history(&self, view: &View, until: Position, with_local: bool) -> Result<()> {
        let ends: Vec<EventNid> = self.ends(view.nid).await?.into_iter().map(|end| end.nid).collect();
        let mut after = Position(i64::MIN);
        loop {
            let mut doomed = purges::list(&mut *self.storage.conn().await?, view.nid, after, until).await?;
            let Some(last) = doomed.last() else { break };
            after = last.position;
            // The next event needs its parents.
            doomed.retain(|event| !ends.contains(&event.nid) && (with_local || !event.is_local));
            self.storage
                .retry(|| async {
                    let mut tx = self.storage.begin().await?;
                    purges::delete(&mut tx, &doomed).await?;
                    Ok(tx.commit().await?)
                })
                .await?;
            for event in &doomed {
                self.events.forget_deleted(event.nid, &event.id);
            }
            let (room, gone) = (view.nid, doomed.iter().map(|event| event.nid).collect());
            let publish = Box::new(move |tail: &mut tail::Inner, _| tail.remove(room, &gone));
            self.log.append(Job { rows: Rows::default(), broken: None, publish }).await?;
        }
        self.relations.forget_all();
        if with_local {
            while purges::delete_words(&mut *self.storage.conn().await?, view.nid, until).await? {}
        }
        Ok(())
    }

    /// Deletes everything that was said in a room, and takes out of its state what people wrote: names,
    /// topics, what they call themselves there. Nobody of this server should be in it any more.
    pub async fn purge(&self, view: &View) -> Result<()> {
        self.purge_history(view, Position(i64::MAX), true).await?;
        while purges::delete_receipts(&mut *self.storage.conn().await?, view.nid).await? {}
        let mut after = EventNid(0);
        loop {
            let nids = purges::list_state(&mut *self.storage.conn().await?, view.nid, after).await?;
            let Some(last) = nids.last() else { break };
            after = *last;
            self.strip(view, &nids).await?;
        }
        self.heads.forget(view.nid).await;
        Ok(())
    }

    /// Puts in the place of state events what would remain of them if they were redacted.
    async fn strip(&self, view: &View, nids: &[EventNid]) -> Result<()> {
        let mut rows = Rows::default();
        let mut stripped = Vec::with_capacity(nids.len());
        for event in self.events.load_many(nids).await? {
            let remains = Arc::new(redaction::without_content(&event, &view.rules)?);
            rows.redacted.push(RedactedRow {
                event: event.nid,
                json: remains.pdu.json.clone(),
                unsigned: remains.unsigned.clone(),
                flags: flags::REDACTED,
                has_relation: event.relation().is_some(),
            });
            stripped.push(remains);
        }
        let events = self.events.clone();
        let publish = Box::new(move |tail: &mut tail::Inner, _| {
            for event in &stripped {
                events.replace(event.clone());
                tail.replace(event);
            }
        });
        self.log.append(Job { rows, broken: None, publish }).await?;
        Ok(())
    }

    /// The ends of a room's graph.
    pub async fn ends(&self, room: RoomNid) -> Result<Vec<Extremity>> {
        let room = self.heads.room(room);
        let held = self.heads.hold(&room).await?;
        let head = held.as_ref().ok_or_else(|| Error::not_found("This server does not know that room."))?;
        Ok(head.extremities.clone())
    }
}
