//! Follows lists: reads them, lets come of their rules what was chosen, and takes that back when a rule is gone
//! or a list is watched no more.

mod carry_out;
mod lift;
mod publish;
mod reconcile;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use ruma::{OwnedRoomId, RoomId};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    book::{List, Spared},
    preview::Preview,
    wants::{Books, RoomNow},
};
use crate::{
    Result,
    actions::Actions,
    clock::Clock,
    config,
    event::Event,
    matrix::Bot,
    observers::Observer,
    policy_lists::effects::Effects,
    roles::Roles,
    rooms::{Place, Rooms},
    storage::{
        Storage,
        policy_lists::{
            self as rows,
            state::{FRESH, HELD},
        },
    },
    tasks::Tasks,
};

/// Everything is compared so often even if nothing happened.
const INTERVAL: Duration = Duration::from_secs(600);
/// What comes in a row is looked at together.
const DEBOUNCE: Duration = Duration::from_millis(500);
/// How long to wait when something is away.
const DELAY: Duration = Duration::from_secs(5);

/// The services that policy lists work with.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each service is described where it is defined")]
pub struct Parts {
    pub storage: Storage,
    pub clock: Clock,
    pub bot: Bot,
    pub rooms: Rooms,
    pub roles: Roles,
    pub actions: Actions,
}

/// Follows lists; clones share everything.
#[derive(Clone, Debug)]
pub struct PolicyLists {
    parts: Parts,
    config: config::PolicyLists,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The lists that are followed.
    lists: Mutex<HashMap<OwnedRoomId, Reading>>,
    /// The rules in force.
    books: Mutex<Option<Arc<Books>>>,
    /// Something changed.
    changed: Notify,
    /// Held while something is compared or done.
    work: tokio::sync::Mutex<()>,
}

/// What is known of a list.
#[derive(Debug)]
enum Reading {
    /// It was not read, or could not be; whether something has happened in it since that was tried.
    Unread { is_touched: bool },
    /// These are its rules.
    Read(List),
}

/// A list that is followed, for those who ask.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Followed {
    pub room: OwnedRoomId,
    pub name: String,
    pub effects: String,
    pub state: String,
    /// How many rules there are; `None` if it cannot be read.
    pub rules: Option<usize>,
    pub hits: usize,
}

impl PolicyLists {
    /// Follows the lists that are watched.
    pub fn start(parts: Parts, config: config::PolicyLists, tasks: &Tasks) -> Self {
        let lists = Self { parts, config, state: Arc::default() };
        let follower = lists.clone();
        tasks.start("policy lists", move |stop| follower.clone().follow(stop));
        lists
    }

    async fn follow(self, stop: CancellationToken) {
        loop {
            let compared = tokio::select! {
                compared = self.reconcile() => compared,
                () = stop.cancelled() => return,
            };
            let rest = match compared {
                Ok(()) => INTERVAL,
                Err(fault) => {
                    warn!(error = %fault, "Policy lists wait");
                    DELAY
                }
            };
            tokio::select! {
                () = self.state.changed.notified() => tokio::time::sleep(DEBOUNCE).await,
                () = self.parts.actions.lists_changed() => {}
                () = tokio::time::sleep(rest) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Reads a list that the bot is in; `None` if it may not.
    pub async fn read(&self, room: &RoomId) -> Result<Option<List>> {
        let state = match self.parts.bot.all_state(room).await {
            Ok(state) => state,
            Err(fault) if fault.is_temporary() => return Err(fault),
            Err(fault) => {
                warn!(room.id = %room, error = %fault, "A policy list cannot be read");
                return Ok(None);
            }
        };
        let events: Vec<Event> = state.into_iter().filter_map(|event| serde_json::from_value(event).ok()).collect();
        Ok(Some(List::read(&events)))
    }

    /// What a list would do.
    pub async fn preview(&self, room: &RoomId, list: &List, effects: Effects) -> Result<Preview> {
        let mut rooms = Vec::new();
        for room in self.parts.rooms.protected().await? {
            rooms.extend(self.room_now(&room).await?);
        }
        Ok(Preview::new((room, list), effects, &rooms, &self.spared().await?))
    }

    /// What a list is called.
    pub async fn name(&self, room: &RoomId) -> String {
        let name = self.parts.bot.state(room, "m.room.name", "").await.ok().flatten();
        let name = name.and_then(|name| name["name"].as_str().map(ToOwned::to_owned));
        name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| room.to_string())
    }

    /// The lists that are followed.
    pub async fn list(&self) -> Result<Vec<Followed>> {
        let mut conn = self.parts.storage.conn().await?;
        let (stored, hits) = (rows::list(&mut conn).await?, rows::list_hits(&mut conn).await?);
        drop(conn);
        let mut all = Vec::new();
        for list in stored {
            let rules = {
                let known = self.state.lists.lock().unwrap_or_else(PoisonError::into_inner);
                match known.get(&list.room_id) {
                    Some(Reading::Read(list)) => Some(list.rules().count()),
                    _ => None,
                }
            };
            all.push(Followed {
                name: self.name(&list.room_id).await,
                hits: hits.iter().filter(|hit| hit.list_id == list.room_id).count(),
                room: list.room_id,
                effects: list.effects,
                state: list.state,
                rules,
            });
        }
        Ok(all)
    }

    /// Lets a list go on that rests because it would hit too many; says whether it rested.
    pub async fn release(&self, room: &RoomId) -> Result<bool> {
        let was_held = rows::change_state(&mut *self.parts.storage.conn().await?, room, HELD, FRESH).await?;
        self.state.changed.notify_one();
        Ok(was_held)
    }

    /// Who is never hit: the bot and all who have a role.
    async fn spared(&self) -> Result<Spared> {
        let bot = self.parts.bot.user_id();
        let mut users: Vec<_> = self.parts.roles.list().await?.into_iter().map(|(user, _)| user).collect();
        users.push(bot.to_owned());
        Ok(Spared { server: bot.server_name().to_owned(), users })
    }

    /// A room as it is now; `None` if the bot may not see it.
    async fn room_now(&self, room: &RoomId) -> Result<Option<RoomNow>> {
        let bot = &self.parts.bot;
        let looked = async {
            Ok(RoomNow {
                room: room.to_owned(),
                members: bot.joined_members(room).await?,
                powers: bot.power_levels(room).await?,
                bot: bot.user_id().to_owned(),
                acl: self.parts.actions.access_list(room).await?,
            })
        };
        match looked.await {
            Ok(now) => Ok(Some(now)),
            Err(fault) if crate::Error::is_temporary(&fault) => Err(fault),
            Err(fault) => {
                warn!(room.id = %room, error = %fault, "A room cannot be looked at for policy lists");
                Ok(None)
            }
        }
    }

    /// Takes over what an event changes.
    async fn hear(&self, event: &Event, place: &Place) -> Result<()> {
        let is_changed = {
            let mut lists = self.state.lists.lock().unwrap_or_else(PoisonError::into_inner);
            match lists.get_mut(&event.room_id) {
                Some(Reading::Read(list)) => match event.redacted() {
                    Some(id) => list.redact(id),
                    None => list.take(event),
                },
                // It can be read now, perhaps.
                Some(Reading::Unread { is_touched }) => {
                    *is_touched = true;
                    true
                }
                None => false,
            }
        };
        let is_own = event.sender == self.parts.bot.user_id();
        let is_of_room = *place == Place::Protected
            && match &*event.kind {
                "m.room.power_levels" | "m.room.server_acl" => !is_own,
                // The bot came into a room.
                "m.room.member" => event.state_key.as_deref() == Some(self.parts.bot.user_id().as_str()),
                _ => false,
            };
        if is_changed || is_of_room {
            self.state.changed.notify_one();
        }
        match event.membership() {
            Some(("join" | "invite" | "knock", user)) if *place == Place::Protected => {
                self.meet(&event.room_id, &user).await
            }
            _ => Ok(()),
        }
    }
}

impl Observer for PolicyLists {
    fn name(&self) -> &'static str {
        "policy lists"
    }

    fn observe<'a>(&'a self, event: &'a Event, place: &'a Place) -> BoxFuture<'a, Result<()>> {
        self.hear(event, place).boxed()
    }
}
