//! Compares what lists want with what came of them, and does the difference.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError},
};

use ruma::{OwnedRoomId, RoomId, UserId};
use tracing::info;

use super::{PolicyLists, Reading};
use crate::{
    Result, ids,
    policy_lists::{
        book::List,
        effects::Effects,
        wants::{Books, Outcome, Want},
    },
    reply::Reply,
    storage::policy_lists::{
        self as rows, Hit, StoredList,
        state::{FRESH, HELD, LEAVING, WATCHED},
    },
};

impl PolicyLists {
    /// Compares everything. Can be broken off at any place and begun again.
    pub async fn reconcile(&self) -> Result<()> {
        let _work = self.state.work.lock().await;
        self.open_again().await?;
        let stored = rows::list(&mut *self.parts.storage.conn().await?).await?;
        self.load(&stored).await?;
        let books = self.arrange(&stored).await?;
        self.lift(&books, &stored).await?;
        self.apply(&books, &stored).await?;
        for list in &stored {
            match &*list.state {
                FRESH if !self.unreadable().contains(&list.room_id) => {
                    rows::change_state(&mut *self.parts.storage.conn().await?, &list.room_id, FRESH, WATCHED).await?;
                }
                LEAVING => self.leave(&list.room_id).await?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads the lists that were not read yet, and forgets those that are not followed.
    async fn load(&self, stored: &[StoredList]) -> Result<()> {
        let missing: Vec<OwnedRoomId> = {
            let mut lists = self.state.lists.lock().unwrap_or_else(PoisonError::into_inner);
            lists.retain(|room, _| stored.iter().any(|list| list.room_id == *room));
            let is_missing = |list: &&StoredList| !matches!(lists.get(&list.room_id), Some(Reading::Read(_)));
            stored.iter().filter(is_missing).map(|list| list.room_id.clone()).collect()
        };
        for room in missing {
            let unread = Reading::Unread { is_touched: false };
            self.state.lists.lock().unwrap_or_else(PoisonError::into_inner).insert(room.clone(), unread);
            let list = self.read(&room).await?;
            let mut lists = self.state.lists.lock().unwrap_or_else(PoisonError::into_inner);
            // What happened in the meantime may be missing: it is read once more soon.
            if let (Some(list), Some(Reading::Unread { is_touched: false })) = (list, lists.get(&room)) {
                lists.insert(room, Reading::Read(list));
            }
        }
        Ok(())
    }

    async fn arrange(&self, stored: &[StoredList]) -> Result<Arc<Books>> {
        let spared = self.spared().await?;
        let lists: HashMap<OwnedRoomId, List> = {
            let known = self.state.lists.lock().unwrap_or_else(PoisonError::into_inner);
            let read = known.iter().filter_map(|(room, reading)| match reading {
                Reading::Read(list) => Some((room.clone(), list.clone())),
                Reading::Unread { .. } => None,
            });
            read.collect()
        };
        let in_force = stored.iter().filter(|list| list.state != LEAVING).filter_map(|list| {
            let rules = lists.get(&list.room_id)?;
            Some((&*list.room_id, rules, Effects::parse(&list.effects).ok()?))
        });
        let books = Arc::new(Books::new(in_force, spared));
        *self.state.books.lock().unwrap_or_else(PoisonError::into_inner) = Some(books.clone());
        Ok(books)
    }

    /// The lists of which nobody knows what they say now.
    pub(super) fn unreadable(&self) -> HashSet<OwnedRoomId> {
        let known = self.state.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let unread = known.iter().filter(|(_, reading)| matches!(reading, Reading::Unread { .. }));
        unread.map(|(room, _)| room.clone()).collect()
    }

    /// Does what is wanted and was not done.
    async fn apply(&self, books: &Books, stored: &[StoredList]) -> Result<()> {
        let mut wants = books.on_server();
        for room in self.parts.rooms.protected().await? {
            if let Some(now) = self.room_now(&room).await? {
                wants.extend(books.in_room(&now));
            }
        }
        let wants = self.news(wants).await?;
        let held = self.hold(&wants, stored).await?;
        self.carry_out(wants.into_iter().filter(|want| !held.contains(&want.listed.list)).collect()).await
    }

    /// What of `wants` was not done yet, and not taken back by people.
    async fn news(&self, wants: Vec<Want>) -> Result<Vec<Want>> {
        if wants.is_empty() {
            return Ok(wants);
        }
        let mut conn = self.parts.storage.conn().await?;
        let hits = rows::list_hits(&mut conn).await?;
        let done: HashSet<_> = hits.iter().map(|hit| (hit.room_id.clone(), hit.kind.clone(), &*hit.target)).collect();
        let spared = rows::list_spared(&mut conn, self.parts.bot.user_id()).await?;
        let is_new = |want: &Want| {
            let key = |outcome: Outcome| (want.room.clone(), outcome.name().to_owned(), &*want.target);
            let is_done = match want.outcome {
                Outcome::Ban | Outcome::Takedown => {
                    done.contains(&key(Outcome::Ban)) || done.contains(&key(Outcome::Takedown))
                }
                outcome => done.contains(&key(outcome)),
            };
            !is_done && !spared.contains(&want.target)
        };
        Ok(wants.into_iter().filter(|want| is_new(want)).collect())
    }

    /// The lists that want too much at once, or did so before: these rest until people let them go on.
    async fn hold(&self, wants: &[Want], stored: &[StoredList]) -> Result<HashSet<OwnedRoomId>> {
        let mut held = HashSet::new();
        for list in stored {
            let room = &list.room_id;
            if list.state == HELD {
                held.insert(room.clone());
            }
            if list.state != WATCHED {
                continue;
            }
            let of_people = |want: &&Want| want.listed.list == *room && UserId::parse(&want.target).is_ok();
            let people: HashSet<&str> = wants.iter().filter(of_people).map(|want| &*want.target).collect();
            if people.len() > usize::try_from(self.config.most_hits).unwrap_or(usize::MAX) {
                self.rest(room, people.len()).await?;
                held.insert(room.clone());
            }
        }
        Ok(held)
    }

    async fn rest(&self, list: &RoomId, people: usize) -> Result<()> {
        info!(list.id = %list, hits = people, "A policy list wants too much and rests");
        rows::change_state(&mut *self.parts.storage.conn().await?, list, WATCHED, HELD).await?;
        let Some(room) = self.parts.rooms.operators() else { return Ok(()) };
        let name = self.name(list).await;
        let reply = Reply::new(format!("The policy list **{name}** would put out {people} people at once, and rests."))
            .line(format!("`!mod lists release {list}` lets it go on, `!mod unwatch {list}` makes an end of it."));
        let now_ms = self.parts.clock.now_ms().to_string();
        let transaction = format!("l_{}", ids::derived(30, &["list rests", list.as_str(), &now_ms]));
        self.parts.bot.say(&room, &reply, &transaction).await?;
        Ok(())
    }

    /// Looks at somebody who comes into a room.
    pub(super) async fn meet(&self, room: &RoomId, user: &UserId) -> Result<()> {
        let books = self.state.books.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // They are looked at with everybody else as soon as the lists are read.
        let Some(books) = books else { return Ok(()) };
        if books.is_nobody(user) {
            return Ok(());
        }
        let _work = self.state.work.lock().await;
        let Some(now) = self.room_now(room).await? else { return Ok(()) };
        let wants = self.news(books.of_member(&now, user).into_iter().collect()).await?;
        let stored = rows::list(&mut *self.parts.storage.conn().await?).await?;
        let is_in_force = |want: &Want| {
            let list = stored.iter().find(|list| list.room_id == want.listed.list);
            list.is_some_and(|list| matches!(&*list.state, FRESH | WATCHED))
        };
        self.carry_out(wants.into_iter().filter(is_in_force).collect()).await
    }

    /// Leaves a list that is followed no more, once nothing is left of it.
    async fn leave(&self, list: &RoomId) -> Result<()> {
        let mut conn = self.parts.storage.conn().await?;
        if rows::list_hits(&mut conn).await?.iter().any(|hit| hit.list_id == list) {
            return Ok(());
        }
        drop(conn);
        if !self.parts.rooms.protected().await?.iter().any(|room| room == list) && !self.is_own(list).await? {
            match self.parts.bot.leave(list).await {
                Err(fault) if fault.is_temporary() => return Err(fault),
                // It was put out already.
                _ => {}
            }
        }
        rows::delete(&mut *self.parts.storage.conn().await?, list).await?;
        Ok(())
    }
}

/// A hit that is going to be made.
pub(super) fn hit(want: &Want, cause: &str) -> Hit {
    Hit {
        room_id: want.room.clone(),
        kind: want.outcome.name().to_owned(),
        target: want.target.clone(),
        list_id: want.listed.list.clone(),
        event_id: want.listed.rule.event.to_string(),
        cause: cause.to_owned(),
        is_opened: false,
    }
}
