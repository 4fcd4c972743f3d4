//! What moderators of a room can do about networks: keep one out of their room, known by a name that
//! means something there only. They never see an address.

use std::{collections::BTreeMap, sync::Arc};

use ruma::{RoomId, UserId, state_res::events::RoomPowerLevelsIntField};

use super::Oversight;
use crate::{
    Error, Result,
    access::{
        rule::{Effect, Kind, Rule, Scope},
        rulebook::{Change, NewRule},
    },
    accounts::User,
    rooms::view::View,
};

/// What rules of a room's moderators come from.
const ORIGIN: &str = "room moderator";
/// How far moderators see back, in milliseconds.
const LOOK_BACK_MS: i64 = 7 * 24 * 3600 * 1000;
/// Most rules of one room.
const MOST: usize = 1000;

/// A rule that a moderator wants for their room.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "see `NewRule`")]
pub struct RoomRule {
    pub id: String,
    pub network: String,
    pub effect: Effect,
    pub public_reason: Option<String>,
    pub private_reason: Option<String>,
    pub expires_at: Option<i64>,
}

impl Oversight {
    /// The networks from which a user of this server came lately, by their names in the room, with when
    /// that was last; the latest first.
    pub async fn room_networks(&self, caller: &User, room_id: &RoomId, of: &UserId) -> Result<Vec<(String, i64)>> {
        let view = self.moderated(caller, room_id).await?;
        if view.power(&caller.id) <= view.power(of) {
            return Err(Error::forbidden("You do not have more power in this room than this user."));
        }
        let user = self.local(of).await?;
        let is_known = self.rooms.state_event(&view, "m.room.member", of.as_str()).await?.is_some();
        if !is_known {
            return Err(Error::not_found("This user has never had to do with this room."));
        }
        let since = self.clock.now_ms() - LOOK_BACK_MS;
        let mut networks: BTreeMap<String, i64> = BTreeMap::new();
        for seen in self.access.whereabouts.of_user(user).await? {
            if seen.last_seen_at >= since {
                let token = self.access.rulebook.room_networks().token(room_id, seen.address);
                let last = networks.entry(token).or_default();
                *last = (*last).max(seen.last_seen_at);
            }
        }
        let mut networks: Vec<_> = networks.into_iter().collect();
        networks.sort_by_key(|(_, last)| std::cmp::Reverse(*last));
        Ok(networks)
    }

    /// The rules of a room's moderators.
    pub async fn room_rules(&self, caller: &User, room_id: &RoomId) -> Result<Vec<Arc<Rule>>> {
        self.moderated(caller, room_id).await?;
        Ok(self.access.rulebook.list("", MOST, |rule| is_of_moderators(rule, room_id)).await)
    }

    /// Writes a rule of a room's moderators.
    pub async fn put_room_rule(&self, caller: &User, room_id: &RoomId, rule: RoomRule) -> Result<()> {
        self.moderated(caller, room_id).await?;
        if let Ok(present) = self.access.rulebook.find_any(&rule.id).await
            && !is_of_moderators(&present, room_id)
        {
            return Err(Error::forbidden("There is another rule with this ID."));
        }
        if !matches!(rule.effect, Effect::Allow | Effect::Deny) {
            return Err(Error::invalid_param("A rule of a room's moderators denies or allows."));
        }
        if self.room_rules(caller, room_id).await?.len() >= MOST {
            return Err(Error::forbidden("This room has too many rules."));
        }
        let new = NewRule {
            id: rule.id,
            kind: Kind::RoomNetwork,
            value: rule.network,
            scope: Scope::Room(room_id.to_owned()),
            effect: rule.effect,
            public_reason: rule.public_reason,
            private_reason: rule.private_reason,
            case: None,
            origin: ORIGIN.to_owned(),
            expires_at: rule.expires_at,
            is_permanent: false,
            replaces: None,
        };
        self.apply(caller, &[Change::Put(Box::new(new))]).await
    }

    /// Revokes a rule of a room's moderators.
    pub async fn revoke_room_rule(&self, caller: &User, room_id: &RoomId, id: &str) -> Result<()> {
        self.moderated(caller, room_id).await?;
        let rule = self.access.rulebook.find(id).await.filter(|rule| is_of_moderators(rule, room_id));
        if rule.is_none() {
            return Err(Error::not_found("There is no such rule of this room."));
        }
        self.apply(caller, &[Change::Revoke(id.to_owned())]).await
    }

    /// The room, for those who may ban people from it.
    async fn moderated(&self, caller: &User, room_id: &RoomId) -> Result<Arc<View>> {
        let view = self.rooms.joined(caller, room_id).await?;
        if view.power(&caller.id) < view.power_needed(RoomPowerLevelsIntField::Ban) {
            return Err(Error::forbidden("You do not have the power to ban people from this room."));
        }
        Ok(view)
    }
}

fn is_of_moderators(rule: &Rule, room_id: &RoomId) -> bool {
    rule.criterion.kind() == Kind::RoomNetwork && matches!(&rule.scope, Scope::Room(room) if room == room_id)
}
