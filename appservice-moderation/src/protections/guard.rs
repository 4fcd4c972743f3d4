//! Looks at what happens in protected rooms and on the server, with what operators chose, and sees to it
//! that something comes of what is found.

mod feeds;
mod knowledge;
mod respond;

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{FutureExt, future::BoxFuture};
use ruma::{OwnedRoomId, RoomId, UserId};
use serde_json::Value;

use self::{knowledge::Knowledge, respond::Breaker};
use super::{
    chosen::Chosen,
    detectors::Detectors,
    settings::{Mode, Protection, Protections},
    sight::{Sight, What},
};
use crate::{
    Error, Result,
    actions::Actions,
    clock::Clock,
    event::Event,
    matrix::{Access, Bot},
    observers::Observer,
    proposals::Proposals,
    roles::Roles,
    rooms::{Place, Rooms},
    storage::{Storage, protections as rows},
    tasks::Tasks,
};

/// The services that protections work with.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each service is described where it is defined")]
pub struct Parts {
    pub storage: Storage,
    pub clock: Clock,
    pub bot: Bot,
    pub access: Access,
    pub rooms: Rooms,
    pub roles: Roles,
    pub actions: Actions,
    pub proposals: Proposals,
}

/// All protections at work; clones share them.
#[derive(Clone, Debug)]
pub struct Guard {
    parts: Parts,
    configured: Arc<Protections>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    chosen: Mutex<Arc<Chosen>>,
    detectors: Mutex<Detectors>,
    knowledge: Mutex<Knowledge>,
    breaker: Mutex<Breaker>,
    /// Held while the feeds are read, so that nobody reads the same twice.
    feeds: tokio::sync::Mutex<()>,
}

impl Guard {
    /// Protections as `configured`, with what operators changed since.
    pub async fn start(parts: Parts, configured: Protections, tasks: &Tasks) -> Result<Self> {
        let stored = rows::list(&mut *parts.storage.conn().await?).await?;
        let state = State {
            chosen: Mutex::new(Arc::new(Chosen::new(&configured, &stored))),
            detectors: Mutex::default(),
            knowledge: Mutex::default(),
            breaker: Mutex::default(),
            feeds: tokio::sync::Mutex::default(),
        };
        let guard = Self { parts, configured: Arc::new(configured), state: Arc::new(state) };
        let reader = guard.clone();
        tasks.start("feeds of the homeserver", move |stop| reader.clone().follow_feeds(stop));
        Ok(guard)
    }

    /// The settings in force.
    pub fn chosen(&self) -> Arc<Chosen> {
        self.state.chosen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes an option, in one room or in all; returns its name and its new value.
    pub async fn set(
        &self,
        protection: Protection,
        room: Option<&RoomId>,
        (option, text): (&str, &str),
        by: &UserId,
    ) -> Result<(String, Value)> {
        if room.is_some() && !protection.is_of_rooms() {
            return Err(Error::invalid(format!("{protection} is about the whole server, not about single rooms.")));
        }
        let chosen = self.chosen();
        let present = room.map_or_else(|| chosen.everywhere(), |room| chosen.of(room));
        let (path, value) = present.read(protection, option, text)?;
        let stored = serde_json::to_vec(&value).map_err(anyhow::Error::from)?;
        let now_ms = self.parts.clock.now_ms();
        rows::put(&mut *self.parts.storage.conn().await?, room, (&path, &stored), by, now_ms).await?;
        self.reload().await?;
        Ok((path, value))
    }

    /// Gives an option the value back that the configuration has; says whether it had another.
    pub async fn reset(&self, protection: Protection, room: Option<&RoomId>, option: &str) -> Result<bool> {
        let path = format!("{protection}.{}", option.replace('-', "_"));
        let was_changed = rows::delete(&mut *self.parts.storage.conn().await?, room, &path).await?;
        self.reload().await?;
        Ok(was_changed)
    }

    async fn reload(&self) -> Result<()> {
        let stored = rows::list(&mut *self.parts.storage.conn().await?).await?;
        let chosen = Arc::new(Chosen::new(&self.configured, &stored));
        *self.state.chosen.lock().unwrap_or_else(PoisonError::into_inner) = chosen;
        Ok(())
    }

    async fn look(&self, event: &Event) -> Result<()> {
        let chosen = self.chosen();
        let settings = chosen.of(&event.room_id);
        self.forget_what_changed(event);
        let is_of_interest = Protection::ALL.iter().any(|protection| settings.mode(*protection) != Mode::Off);
        if !is_of_interest || event.sender == self.parts.bot.user_id() {
            return Ok(());
        }
        let now_ms = self.parts.clock.now_ms();
        let sight = Sight::of(event, self.parts.bot.user_id().server_name(), now_ms);
        let standing = self.standing(&sight.room, &sight.sender, settings).await?;
        let mut findings = {
            let mut detectors = self.state.detectors.lock().unwrap_or_else(PoisonError::into_inner);
            detectors.see(&sight, &standing, settings, now_ms)
        };
        let is_hinted_at = findings.iter().any(|finding| finding.protection == Protection::BanEvasion);
        if matches!(sight.what, What::Joined { .. }) && !is_hinted_at {
            findings.extend(self.same_network(&sight, &standing, settings).await?);
        }
        for finding in &findings {
            self.respond(finding, settings).await?;
        }
        Ok(())
    }

    /// The rooms that are looked after and have settings of their own.
    pub fn rooms_with_own_settings(&self) -> Vec<OwnedRoomId> {
        self.chosen().rooms().map(ToOwned::to_owned).collect()
    }
}

impl Observer for Guard {
    fn name(&self) -> &'static str {
        "protections"
    }

    fn observe<'a>(&'a self, event: &'a Event, place: &'a Place) -> BoxFuture<'a, Result<()>> {
        async move { if *place == Place::Protected { self.look(event).await } else { Ok(()) } }.boxed()
    }
}
