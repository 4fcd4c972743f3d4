//! Gives somebody the power to look after a room, by the power of a user of this server who has it.

use ruma::{
    Int, OwnedUserId, RoomId, UserId,
    events::{TimelineEventType, room::power_levels::UserPowerLevel},
    room::JoinRuleKind,
    state_res::events::RoomPowerLevelsIntField,
};
use serde_json::{Map, Value, json};

use super::Moderation;
use crate::{
    Error, Result,
    accounts::User,
    rooms::{
        draft::Wish,
        view::{View, membership_in},
    },
    storage::rooms::Membership,
};

const KIND: &str = "m.room.power_levels";
/// The power that is given by somebody whose own no number tells.
const HIGHEST: i64 = 100;

impl Moderation {
    /// Gives `target` as much power in a room as the most powerful user of this server has there, and
    /// invites them if they could not come in otherwise.
    pub async fn make_room_admin(&self, caller: &User, room_id: &RoomId, target: &UserId) -> Result<()> {
        let view = self.rooms.find(room_id).await?;
        let view = view.ok_or_else(|| Error::not_found("This server does not know that room."))?;
        let giver = self.most_powerful(&view).await?;
        let needed = view.power_to_send(&TimelineEventType::RoomPowerLevels, Some(""));
        let giver = giver.filter(|giver| view.power(giver) >= needed);
        let giver = giver.ok_or_else(|| {
            Error::forbidden("Nobody of this server who is in the room has the power to give power to others.")
        })?;
        let event = Self::act(caller, "room.make_admin").on(target).detail("room_id", room_id.as_str());
        self.record(event.detail("by_power_of", giver.as_str())).await?;
        if view.power(target) < view.power(&giver) {
            let content = self.with_power(&view, &giver, target).await?;
            self.rooms.say(&giver, view.nid, Wish::state_of(KIND, "", &content)?, None).await?;
        }
        self.let_in(&view, &giver, target).await
    }

    /// Of those of this server who are in the room, the one with the most power.
    async fn most_powerful(&self, view: &View) -> Result<Option<OwnedUserId>> {
        let local: Vec<_> = view.local.iter().copied().collect();
        let users = self.storage.user_ids(&local).await?;
        Ok(users
            .into_iter()
            .max_by(|one, other| view.power(one).partial_cmp(&view.power(other)).unwrap_or(std::cmp::Ordering::Equal)))
    }

    /// The power levels with those of `target` raised to those of `giver`.
    async fn with_power(&self, view: &View, giver: &UserId, target: &UserId) -> Result<Map<String, Value>> {
        let present = self.rooms.state_event(view, KIND, "").await?;
        let mut content: Map<String, Value> = present.and_then(|event| event.content_as()).unwrap_or_default();
        let power = match view.power(giver) {
            UserPowerLevel::Int(power) => power,
            _ => highest(&content),
        };
        let users = content.entry("users").or_insert_with(|| json!({}));
        let Some(users) = users.as_object_mut() else {
            return Err(Error::forbidden("The power levels of this room are malformed."));
        };
        // Without power levels the creator has power; with them only who is listed, from then on.
        if view.power_levels().is_none() {
            users.insert(giver.to_string(), json!(power));
        }
        users.insert(target.to_string(), json!(power));
        Ok(content)
    }

    async fn let_in(&self, view: &View, giver: &UserId, target: &UserId) -> Result<()> {
        let present = self.rooms.state_event(view, "m.room.member", target.as_str()).await?;
        let membership = present.map(|event| membership_in(&event));
        let is_open = view.join_rule() == JoinRuleKind::Public;
        match membership {
            Some(Membership::Join | Membership::Invite) => return Ok(()),
            Some(Membership::Ban) => {
                return Err(Error::forbidden("This user has the power now, but is banned from the room."));
            }
            _ if is_open => return Ok(()),
            _ => {}
        }
        if view.power(giver) < view.power_needed(RoomPowerLevelsIntField::Invite) {
            return Err(Error::forbidden("This user has the power now, but nobody here can invite them."));
        }
        let content = self.memberships.invitation(target, false).await?;
        let wish = Wish::state_of("m.room.member", target.as_str(), &content)?;
        self.rooms.say(giver, view.nid, wish, None).await.map(drop)
    }
}

/// The highest power that anything in the room needs.
fn highest(content: &Map<String, Value>) -> Int {
    let events = content.get("events").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let needed = events.chain(content.values()).filter_map(Value::as_i64).max().unwrap_or(HIGHEST);
    Int::new_saturating(needed.max(HIGHEST))
}
