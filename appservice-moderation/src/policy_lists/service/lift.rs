//! Takes back what came of rules that no list has any more, and only that.

use std::collections::BTreeMap;

use ruma::OwnedRoomId;

use super::{PolicyLists, carry_out::rule_id};
use crate::{
    Error, Result,
    actions::{Act, Actions, Author, Plan},
    error::Refusal,
    ids,
    policy_lists::wants::{Books, Outcome},
    storage::policy_lists::{self as rows, Hit, StoredList, state::LEAVING},
};

impl PolicyLists {
    /// Takes back what no list wants any more.
    pub(super) async fn lift(&self, books: &Books, stored: &[StoredList]) -> Result<()> {
        let hits = rows::list_hits(&mut *self.parts.storage.conn().await?).await?;
        let unreadable = self.unreadable();
        let mut by_cause: BTreeMap<&str, (Vec<&Hit>, usize)> = BTreeMap::new();
        for hit in &hits {
            let (gone, all) = by_cause.entry(&hit.cause).or_default();
            *all += 1;
            let reason = Outcome::find(&hit.kind).and_then(|outcome| books.reason(outcome, &hit.target));
            match reason {
                Some(listed) if listed.list != hit.list_id || listed.rule.event != hit.event_id => {
                    let mut conn = self.parts.storage.conn().await?;
                    rows::attribute(&mut conn, hit, &listed.list, listed.rule.event.as_str()).await?;
                }
                Some(_) => {}
                // Nobody knows whether the rule is gone while the list cannot be read, unless it is watched no more.
                None => {
                    let is_leaving = stored.iter().any(|list| list.room_id == hit.list_id && list.state == LEAVING);
                    if is_leaving || !unreadable.contains(&hit.list_id) {
                        gone.push(hit);
                    }
                }
            }
        }
        for (cause, (gone, all)) in by_cause {
            if gone.is_empty() {
                continue;
            }
            if gone.len() == all {
                self.undo(cause).await?;
            } else {
                self.take_back(cause, &gone).await?;
            }
            let mut conn = self.parts.storage.conn().await?;
            for hit in gone {
                rows::delete_hit(&mut conn, hit).await?;
            }
        }
        Ok(())
    }

    /// Takes back everything that was done for a cause.
    async fn undo(&self, cause: &str) -> Result<()> {
        match self.parts.actions.undo(&Actions::case_id(cause), self.parts.bot.user_id()).await {
            // People have done so, or it was done before the process ended.
            Err(Error::Refused { refusal: Refusal::Conflict | Refusal::NotFound, .. }) => Ok(()),
            undone => undone.map(|_| ()),
        }
    }

    /// Takes back a part of what was done for a cause.
    async fn take_back(&self, cause: &str, gone: &[&Hit]) -> Result<()> {
        let case = self.parts.actions.account(&Actions::case_id(cause)).await?.case;
        // People took everything back.
        if case.undone_at.is_some() {
            return Ok(());
        }
        let mut acts = Vec::new();
        let mut servers: BTreeMap<&OwnedRoomId, Vec<String>> = BTreeMap::new();
        for hit in gone {
            match (Outcome::find(&hit.kind), &hit.room_id) {
                (Some(Outcome::Acl), Some(room)) => servers.entry(room).or_default().push(hit.target.clone()),
                (Some(Outcome::Rule), _) => acts.push(Act::RevokeRule { id: rule_id(&hit.target) }),
                // Who was put out of a room can come again by themselves.
                _ => {}
            }
        }
        let servers = servers.into_iter().map(|(room, servers)| Act::AllowServers { room: room.clone(), servers });
        acts.extend(servers);
        if acts.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = gone.iter().map(|hit| &*hit.target).collect();
        let plan = Plan {
            title: format!("{} are on policy lists no more", names.len()),
            reason: None,
            room_id: case.room_id,
            acts,
            for_ms: None,
        };
        let author = Author { user_id: self.parts.bot.user_id().to_owned(), origin: case.origin };
        self.parts.actions.open(&format!("{cause}/{}", ids::derived(20, &names)), &author, &plan).await?;
        Ok(())
    }
}
