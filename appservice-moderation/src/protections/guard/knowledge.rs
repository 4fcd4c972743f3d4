//! What protections know of people in rooms: their power, when they came, how old their account is. Kept in
//! memory, because it is asked for with every event, and looked up again when it may have changed.

use std::{
    collections::{HashMap, HashSet},
    sync::PoisonError,
};

use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde_json::Value;

use super::Guard;
use crate::{
    Result,
    event::Event,
    matrix::PowerLevels,
    protections::{
        detectors,
        finding::Finding,
        settings::{Mode, Protection, Protections},
        sight::Sight,
        standing::Standing,
    },
    storage::protections as rows,
};

/// Rooms and members that are remembered.
const MOST: usize = 20_000;
/// So many of those who were banned lately are compared with a newcomer by their networks.
const MOST_COMPARED: usize = 20;

/// What is remembered.
#[derive(Debug, Default)]
pub(super) struct Knowledge {
    powers: HashMap<OwnedRoomId, PowerLevels>,
    joined: HashMap<(OwnedRoomId, OwnedUserId), Option<i64>>,
    /// The networks in a room from which somebody came who was banned.
    networks: HashMap<(OwnedRoomId, OwnedUserId), HashSet<String>>,
}

impl Guard {
    /// Forgets what an event makes untrue.
    pub(super) fn forget_what_changed(&self, event: &Event) {
        let mut known = self.state.knowledge.lock().unwrap_or_else(PoisonError::into_inner);
        if event.kind == "m.room.power_levels" {
            known.powers.remove(&event.room_id);
        }
        if let Some((_, user)) = event.membership() {
            let key = (event.room_id.clone(), user);
            known.joined.remove(&key);
            known.networks.remove(&key);
        }
    }

    /// What is known of somebody in a room, as far as `settings` need it.
    pub(super) async fn standing(&self, room: &RoomId, user: &UserId, settings: &Protections) -> Result<Standing> {
        let powers = self.powers(room).await?;
        let in_use = |of: &dyn Fn(Protection) -> bool| {
            Protection::ALL.iter().any(|protection| settings.mode(*protection) != Mode::Off && of(*protection))
        };
        let is_local = self.parts.bot.is_local(user);
        let joined_at = if in_use(&|of| of == Protection::NewcomerMedia || settings.exempt(of).member_s > 0) {
            self.joined_at(room, user).await?
        } else {
            None
        };
        let registered_at = if is_local && in_use(&|of| settings.exempt(of).account_s > 0) {
            rows::find_account(&mut *self.parts.storage.conn().await?, user).await?
        } else {
            None
        };
        Ok(Standing {
            power: powers.of(user),
            may_call_room: powers.of(user) >= powers.needed_to_call_room(),
            joined_at,
            registered_at,
            is_local,
            is_immune: self.parts.roles.is_immune(user).await?,
        })
    }

    async fn powers(&self, room: &RoomId) -> Result<PowerLevels> {
        if let Some(known) = self.state.knowledge.lock().unwrap_or_else(PoisonError::into_inner).powers.get(room) {
            return Ok(known.clone());
        }
        let powers = self.parts.bot.power_levels(room).await?;
        let mut known = self.state.knowledge.lock().unwrap_or_else(PoisonError::into_inner);
        if known.powers.len() >= MOST {
            known.powers.clear();
        }
        known.powers.insert(room.to_owned(), powers.clone());
        Ok(powers)
    }

    /// When somebody joined; `None` if that was so long ago that something else happened to their membership
    /// since, such as a new name.
    async fn joined_at(&self, room: &RoomId, user: &UserId) -> Result<Option<i64>> {
        let key = (room.to_owned(), user.to_owned());
        if let Some(known) = self.state.knowledge.lock().unwrap_or_else(PoisonError::into_inner).joined.get(&key) {
            return Ok(*known);
        }
        let event = self.parts.bot.member_event(room, user).await?;
        let joined_at = event.filter(is_fresh).and_then(|event| event["origin_server_ts"].as_i64());
        let mut known = self.state.knowledge.lock().unwrap_or_else(PoisonError::into_inner);
        if known.joined.len() >= MOST {
            known.joined.clear();
        }
        known.joined.insert(key, joined_at);
        Ok(joined_at)
    }

    /// A hint that a newcomer of this server comes from the network of somebody who was banned.
    pub(super) async fn same_network(
        &self,
        sight: &Sight,
        standing: &Standing,
        settings: &Protections,
    ) -> Result<Option<Finding>> {
        let evasion = &settings.ban_evasion;
        let now_ms = self.parts.clock.now_ms();
        let looks = evasion.mode != Mode::Off
            && evasion.networks
            && standing.is_local
            && !evasion.exempt.covers(&sight.sender, standing, now_ms);
        if !looks {
            return Ok(None);
        }
        let since = now_ms.saturating_sub(i64::try_from(evasion.within_s.saturating_mul(1000)).unwrap_or(i64::MAX));
        let banned = {
            let detectors = self.state.detectors.lock().unwrap_or_else(PoisonError::into_inner);
            detectors.recently_banned(&sight.room, since)
        };
        let banned = banned.iter().rev().filter(|user| self.parts.bot.is_local(user) && **user != sight.sender);
        let mut own = None;
        for user in banned.take(MOST_COMPARED) {
            if own.is_none() {
                own = Some(self.networks(&sight.room, &sight.sender).await?);
            }
            let theirs = self.remembered_networks(&sight.room, user).await?;
            if own.as_ref().is_some_and(|own| own.iter().any(|network| theirs.contains(network))) {
                return Ok(Some(detectors::same_network(&sight.room, &sight.sender, user)));
            }
        }
        Ok(None)
    }

    async fn remembered_networks(&self, room: &RoomId, user: &UserId) -> Result<HashSet<String>> {
        let key = (room.to_owned(), user.to_owned());
        if let Some(known) = self.state.knowledge.lock().unwrap_or_else(PoisonError::into_inner).networks.get(&key) {
            return Ok(known.clone());
        }
        let networks = self.networks(room, user).await?;
        let mut known = self.state.knowledge.lock().unwrap_or_else(PoisonError::into_inner);
        if known.networks.len() >= MOST {
            known.networks.clear();
        }
        known.networks.insert(key, networks.clone());
        Ok(networks)
    }

    /// The names that a user's networks have in a room; none if the bot may not know them.
    async fn networks(&self, room: &RoomId, user: &UserId) -> Result<HashSet<String>> {
        let bot = self.parts.bot.user_id();
        match self.parts.access.room_networks(bot, room, user).await {
            Ok(networks) => Ok(networks.into_iter().collect()),
            Err(fault) if fault.is_temporary() => Err(fault),
            Err(_) => Ok(HashSet::new()),
        }
    }
}

/// Whether a membership began with this event.
fn is_fresh(event: &Value) -> bool {
    event["content"]["membership"] == "join" && event["unsigned"]["prev_content"]["membership"] != "join"
}
