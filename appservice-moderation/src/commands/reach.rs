//! How far a command reaches: the rooms that it is about, and whom it may hit there.

use ruma::{OwnedRoomId, OwnedRoomOrAliasId, OwnedUserId, RoomId, UserId};

use super::{Actor, Arguments, Power, Services, Target};
use crate::{Error, Result, matrix::PowerLevels, roles::Permission};

/// A room in which something can be done to somebody.
#[derive(Debug)]
pub(super) struct Reached {
    pub room: OwnedRoomId,
    /// What the user is there.
    pub membership: String,
}

/// Rooms where it can be done, and those where it cannot, with why.
#[derive(Debug, Default)]
pub(super) struct Reach {
    pub rooms: Vec<Reached>,
    pub out_of_reach: Vec<(OwnedRoomId, &'static str)>,
}

impl Actor {
    /// Refuses what takes more than the command itself.
    pub(super) fn must(&self, permission: Permission) -> Result<()> {
        if self.role.is_some_and(|role| role.may(permission)) {
            return Ok(());
        }
        Err(Error::forbidden(match permission {
            Permission::WriteRules => "Only administrators may write access rules.",
            Permission::RestrictAccounts => "Only administrators may lock or suspend accounts.",
            Permission::CloseRooms => "Only administrators may close rooms.",
            Permission::GiveRoles => "Only administrators of the server may give roles.",
            Permission::ChooseRooms => "Only administrators may choose the rooms that are looked after.",
            Permission::Look | Permission::ActInRooms => "You may not do this.",
        }))
    }
}

impl Services {
    /// The rooms that a command is about: the one in which it is given, the one that it names, or all that
    /// are looked after.
    pub(super) async fn rooms_of(&self, actor: &Actor, arguments: &Arguments) -> Result<Vec<OwnedRoomId>> {
        let named = match arguments.option("room") {
            Some(text) => Some(self.room_named(text).await?),
            None => None,
        };
        match (&actor.room, named) {
            (Some((here, _)), Some(named)) if *here != named => {
                Err(Error::forbidden("Here you can command this room only. Use the operators' room for others."))
            }
            (Some((here, _)), _) => Ok(vec![here.clone()]),
            (None, Some(named)) => Ok(vec![named]),
            (None, None) => {
                let rooms = self.rooms.protected().await?;
                if rooms.is_empty() {
                    return Err(Error::invalid("I look after no room yet. Invite me into one first."));
                }
                Ok(rooms)
            }
        }
    }

    /// The room that a text names.
    pub(super) async fn room_named(&self, text: &str) -> Result<OwnedRoomId> {
        match Target::parse(text)? {
            Some(Target::Room(room)) => self.resolve(&room).await,
            _ => Err(Error::invalid(format!("\"{text}\" is not a room like #room:example.org."))),
        }
    }

    /// The ID of a room.
    pub(super) async fn resolve(&self, room: &OwnedRoomOrAliasId) -> Result<OwnedRoomId> {
        if let Ok(room) = OwnedRoomId::try_from(room.as_str()) {
            return Ok(room);
        }
        let found = self.bot.resolve(room.as_str()).await?;
        found.ok_or_else(|| Error::not_found(format!("There is no room {room}.")))
    }

    /// Where something that takes `power` can be done to a user, by the bot and by whoever asks.
    pub(super) async fn reach(
        &self,
        actor: &Actor,
        rooms: &[OwnedRoomId],
        user: &UserId,
        power: Power,
    ) -> Result<Reach> {
        let mut reach = Reach::default();
        for room in rooms {
            let levels = match self.bot.power_levels(room).await {
                Ok(levels) => levels,
                Err(fault) if fault.is_temporary() => return Err(fault),
                Err(_) => {
                    reach.out_of_reach.push((room.clone(), "I am not in this room"));
                    continue;
                }
            };
            if let Some(obstacle) = self.obstacle(actor, &levels, user, power) {
                reach.out_of_reach.push((room.clone(), obstacle));
                continue;
            }
            let member = self.bot.member(room, user).await?;
            let membership = member.as_ref().and_then(|member| member["membership"].as_str()).unwrap_or("leave");
            reach.rooms.push(Reached { room: room.clone(), membership: membership.to_owned() });
        }
        Ok(reach)
    }

    fn obstacle(&self, actor: &Actor, levels: &PowerLevels, user: &UserId, power: Power) -> Option<&'static str> {
        let theirs = levels.of(user);
        let lacking = self.lacking(actor, levels, power);
        let outranks_bot = levels.of(self.bot.user_id()) <= theirs;
        let outranks_actor = !actor.acts_by_role() && levels.of(&actor.user_id) <= theirs;
        lacking
            .or(outranks_bot.then_some("they have as much power there as I"))
            .or(outranks_actor.then_some("they have as much power there as you"))
    }

    /// Who lacks a power in a room: the bot, or whoever asks. With a role, the bot's power counts; without one, only
    /// one's own.
    pub(super) fn lacking(&self, actor: &Actor, levels: &PowerLevels, power: Power) -> Option<&'static str> {
        let needed = power.needed(levels);
        if levels.of(self.bot.user_id()) < needed {
            return Some("I lack the power there");
        }
        if !actor.acts_by_role() && levels.of(&actor.user_id) < needed {
            return Some("you lack the power there");
        }
        None
    }

    /// Refuses users of other servers.
    pub(super) fn check_local(&self, users: &[OwnedUserId]) -> Result<()> {
        match users.iter().find(|user| !self.bot.is_local(user)) {
            Some(user) => Err(Error::invalid(format!("{user} is not of this server."))),
            None => Ok(()),
        }
    }

    /// Refuses to act on those who look after the server.
    pub(super) async fn check_not_immune(&self, user: &UserId) -> Result<()> {
        if self.roles.is_immune(user).await? {
            return Err(Error::forbidden(format!("{user} looks after this server. Take the role away first.")));
        }
        Ok(())
    }

    /// How a room is called.
    pub(super) async fn name_of(&self, room: &RoomId) -> String {
        let alias = self.bot.state(room, "m.room.canonical_alias", "").await.ok().flatten();
        let alias = alias.as_ref().and_then(|content| content["alias"].as_str());
        alias.map_or_else(|| room.to_string(), ToOwned::to_owned)
    }
}

impl Arguments {
    /// The targets as they are shown.
    pub(super) fn shown(&self) -> String {
        self.targets.iter().map(Target::shown).collect::<Vec<_>>().join(", ")
    }

    /// The users among the targets, of which there is at least one, and nothing else.
    pub(super) fn users(&self) -> Result<Vec<OwnedUserId>> {
        let mut users = Vec::new();
        for target in &self.targets {
            match target {
                Target::User(user) if users.contains(user) => {}
                Target::User(user) => users.push(user.clone()),
                other => return Err(Error::invalid(format!("{} is not a user.", other.shown()))),
            }
        }
        if users.is_empty() {
            return Err(Error::invalid("Whom? Name a user like @alice:example.org."));
        }
        Ok(users)
    }

    /// Refuses words that mean nothing here.
    pub(super) fn only_targets(&self) -> Result<()> {
        match self.words.first() {
            Some(word) => Err(Error::invalid(format!(
                "I do not understand \"{word}\". Write `--reason` before a reason, and `ip:`, `email:`, `domain:` or \
                 `server:` before what is none of a user and a room."
            ))),
            None => Ok(()),
        }
    }
}
