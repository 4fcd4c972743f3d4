//! What well-known state must say before it is sent from here, beyond what the authorisation rules
//! ask of it. Pure.

use std::collections::HashSet;

use ruma::{
    OwnedUserId, RoomId, ServerName, UserId, events::TimelineEventType, room_version_rules::AuthorizationRules,
};
use serde_json::{Map, Value};

use super::{draft::Wish, server_acl::ServerAcl};
use crate::{Error, Result};

/// Where the state is to stand.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The room.
    pub room: &'a RoomId,
    /// What follows from its version.
    pub rules: &'a AuthorizationRules,
    /// Who created it.
    pub creators: &'a HashSet<OwnedUserId>,
    /// This server.
    pub server: &'a ServerName,
}

impl Place<'_> {
    /// Refuses state that would only be a mistake.
    pub fn check(&self, wish: &Wish) -> Result<()> {
        if wish.state_key.as_deref() != Some("") {
            return Ok(());
        }
        match wish.kind {
            TimelineEventType::RoomCreate => Err(Error::bad_json("A room is created only once.")),
            TimelineEventType::RoomPowerLevels => self.check_power_levels(&object(wish)?),
            TimelineEventType::RoomServerAcl => self.check_server_acl(wish),
            TimelineEventType::RoomTombstone => self.check_tombstone(&object(wish)?),
            _ => Ok(()),
        }
    }

    /// The rules refuse most of this too, but without telling that the content is at fault.
    fn check_power_levels(&self, content: &Map<String, Value>) -> Result<()> {
        for field in ["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"] {
            self.check_level(field, content.get(field))?;
        }
        for field in ["users", "events", "notifications"] {
            let levels = match content.get(field) {
                None => continue,
                Some(Value::Object(levels)) => levels,
                Some(_) => return Err(Error::bad_json(format!("{field} in power levels is an object."))),
            };
            for (name, level) in levels {
                self.check_level(name, Some(level))?;
            }
            if field == "users" {
                levels.keys().try_for_each(|user| self.check_user(user))?;
            }
        }
        Ok(())
    }

    fn check_level(&self, name: &str, level: Option<&Value>) -> Result<()> {
        let is_level = match level {
            None => true,
            Some(Value::Number(number)) => number.is_i64(),
            // Before room version 10 a level may be written as text.
            Some(Value::String(text)) => !self.rules.integer_power_levels && text.trim().parse::<i64>().is_ok(),
            Some(_) => false,
        };
        if is_level { Ok(()) } else { Err(Error::bad_json(format!("The power level of {name} is not an integer."))) }
    }

    fn check_user(&self, user: &str) -> Result<()> {
        let user =
            <&UserId>::try_from(user).map_err(|_| Error::bad_json(format!("{user} in users is not a user ID.")))?;
        // Room version 12, "Authorization rules", 10.4: creators have more power than any number says.
        if self.rules.explicitly_privilege_room_creators && self.creators.contains(user) {
            return Err(Error::bad_json(format!("{user} created the room and cannot be given a power level.")));
        }
        Ok(())
    }

    fn check_server_acl(&self, wish: &Wish) -> Result<()> {
        if ServerAcl::parse(&wish.content).allows(self.server) {
            Ok(())
        } else {
            Err(Error::bad_json("This would shut your own server out of the room."))
        }
    }

    fn check_tombstone(&self, content: &Map<String, Value>) -> Result<()> {
        let replacement = content.get("replacement_room").and_then(Value::as_str);
        if replacement == Some(self.room.as_str()) {
            return Err(Error::invalid_param("A room cannot be replaced by itself."));
        }
        Ok(())
    }
}

fn object(wish: &Wish) -> Result<Map<String, Value>> {
    serde_json::from_str(wish.content.get())
        .map_err(|_| Error::bad_json(format!("The content of {} is an object.", wish.kind)))
}
