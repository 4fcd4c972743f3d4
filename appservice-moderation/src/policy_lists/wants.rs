//! What lists want, given who is where. Pure: what is there is looked up before, what is done about it after.

use std::collections::BTreeSet;

use ruma::{OwnedRoomId, OwnedUserId, RoomId, ServerName, UserId};

use super::{
    book::{Book, List, Listed, Spared},
    effects::Effects,
    rule::{Entity, Kind, Recommendation},
};
use crate::{actions::Acl, matrix::PowerLevels};

/// The rules in force, by what comes of them.
#[derive(Clone, Debug)]
pub struct Books {
    bans: Book,
    acl: Book,
    access: Book,
    spared: Spared,
}

/// A room that is looked after, as it is now.
#[derive(Clone, Debug)]
pub struct RoomNow {
    /// The room.
    pub room: OwnedRoomId,
    /// Who is in it.
    pub members: Vec<OwnedUserId>,
    /// Who may do what.
    pub powers: PowerLevels,
    /// The bot, whose power counts.
    pub bot: OwnedUserId,
    /// Which servers are let in.
    pub acl: Acl,
}

/// What comes of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Somebody is banned from a room.
    Ban,
    /// Somebody is banned from a room, and what they said is redacted.
    Takedown,
    /// Somebody of a banned server is put out of a room.
    Kick,
    /// Servers are shut out of a room.
    Acl,
    /// An access rule keeps somebody from this server.
    Rule,
}

/// Something that lists want.
#[derive(Clone, Debug)]
pub struct Want {
    /// Where; on the whole server, if there is no room.
    pub room: Option<OwnedRoomId>,
    /// What.
    pub outcome: Outcome,
    /// For whom: a user, a pattern of servers, or for rules `user:` or `server:` and a pattern.
    pub target: String,
    /// Why.
    pub listed: Listed,
}

impl Outcome {
    const ALL: [(Self, &str); 5] = [
        (Self::Ban, "ban"),
        (Self::Takedown, "takedown"),
        (Self::Kick, "kick"),
        (Self::Acl, "acl"),
        (Self::Rule, "rule"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(outcome, _)| *outcome == self).map_or("", |(_, name)| *name)
    }

    /// The outcome with a name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(outcome, _)| *outcome)
    }
}

impl RoomNow {
    fn can(&self, what: &str) -> bool {
        self.powers.of(&self.bot) >= self.powers.needed(what, 50)
    }

    /// Whether the bot can do all that lists may want here.
    pub fn is_in_hand(&self) -> bool {
        self.can("ban") && self.can("kick") && self.can_write_acl()
    }

    fn can_write_acl(&self) -> bool {
        self.powers.of(&self.bot) >= self.powers.needed_for_state("m.room.server_acl")
    }

    fn is_above(&self, user: &UserId) -> bool {
        self.powers.of(&self.bot) > self.powers.of(user)
    }
}

impl Books {
    /// The rules of lists, each with what comes of it.
    pub fn new<'a>(lists: impl IntoIterator<Item = (&'a RoomId, &'a List, Effects)>, spared: Spared) -> Self {
        let lists: Vec<_> = lists.into_iter().collect();
        let book = |wanted: fn(&Effects) -> bool| {
            let lists = lists.iter().filter(|(_, _, effects)| wanted(effects));
            Book::of(lists.map(|(room, list, _)| (*room, *list)), &spared)
        };
        Self {
            bans: book(|effects| effects.bans),
            acl: book(|effects| effects.acl),
            access: book(|effects| effects.access),
            spared,
        }
    }

    /// What is wanted in a room.
    pub fn in_room(&self, now: &RoomNow) -> Vec<Want> {
        let mut wants: Vec<Want> = now.members.iter().filter_map(|user| self.of_member(now, user)).collect();
        if now.can_write_acl() {
            for (pattern, rules) in self.acl.servers() {
                if let Some(listed) = rules.first().filter(|_| !now.acl.denies(&pattern)) {
                    wants.push(Want::new(Some(&now.room), Outcome::Acl, pattern.clone(), listed));
                }
            }
        }
        wants
    }

    /// What is wanted of one who is in a room, or comes into it.
    pub fn of_member(&self, now: &RoomNow, user: &UserId) -> Option<Want> {
        if *user == *now.bot || self.spared.covers(user) || !now.is_above(user) {
            return None;
        }
        let banned = self.bans.about_user(user).into_iter().filter(|_| now.can("ban"));
        let mut banned: Vec<&Listed> = banned.collect();
        banned.sort_by_key(|listed| listed.rule.recommendation != Recommendation::Takedown);
        if let Some(listed) = banned.first() {
            let outcome = match listed.rule.recommendation {
                Recommendation::Ban => Outcome::Ban,
                Recommendation::Takedown => Outcome::Takedown,
            };
            return Some(Want::new(Some(&now.room), outcome, user.to_string(), listed));
        }
        let servers = self.acl.about_server(user.server_name()).into_iter().filter(|_| now.can("kick"));
        let listed = servers.into_iter().next()?;
        Some(Want::new(Some(&now.room), Outcome::Kick, user.to_string(), listed))
    }

    /// Whether no rule is about a user.
    pub fn is_nobody(&self, user: &UserId) -> bool {
        self.bans.about_user(user).is_empty() && self.acl.about_server(user.server_name()).is_empty()
    }

    /// What is wanted on the whole server.
    pub fn on_server(&self) -> Vec<Want> {
        let mut seen = BTreeSet::new();
        let mut wants = Vec::new();
        for listed in self.access.rules() {
            let rule = &listed.rule;
            let is_usable = match rule.kind {
                Kind::Server => !matches!(rule.entity, Entity::Hash(_)),
                Kind::User => !may_be_of(&rule.entity, &self.spared.server),
                Kind::Room => false,
            };
            let target = format!("{}:{}", rule.kind.name(), rule.entity);
            if is_usable && seen.insert(target.clone()) {
                wants.push(Want::new(None, Outcome::Rule, target, listed));
            }
        }
        wants
    }

    /// The rule because of which something that was done still is to be so.
    pub fn reason(&self, outcome: Outcome, target: &str) -> Option<&Listed> {
        let user = || UserId::parse(target).ok().filter(|user| !self.spared.covers(user));
        match outcome {
            Outcome::Ban | Outcome::Takedown => self.bans.about_user(&user()?).into_iter().next(),
            Outcome::Kick => self.acl.about_server(user()?.server_name()).into_iter().next(),
            Outcome::Acl => self.acl.named(Kind::Server, target),
            Outcome::Rule => {
                let (kind, entity) = target.split_once(':')?;
                self.access.named(if kind == "server" { Kind::Server } else { Kind::User }, entity)
            }
        }
    }

    /// Who is never hit.
    pub fn spared(&self) -> &Spared {
        &self.spared
    }
}

impl Want {
    fn new(room: Option<&OwnedRoomId>, outcome: Outcome, target: String, listed: &Listed) -> Self {
        Self { room: room.cloned(), outcome, target, listed: listed.clone() }
    }
}

/// Whether an entity may be users of a server. Hashes may be anybody.
pub fn may_be_of(entity: &Entity, server: &ServerName) -> bool {
    match entity {
        Entity::Exact(user) => user.split_once(':').is_none_or(|(_, of)| of == server.as_str().to_lowercase()),
        Entity::Pattern(pattern) => {
            let pattern = pattern.pattern();
            let fixed = pattern.rsplit(['*', '?']).next().unwrap_or_default().to_lowercase();
            // What is fixed at the end must fit `:server`, or the server must end with it.
            let own = format!(":{}", server.as_str().to_lowercase());
            if fixed.contains(':') { fixed.ends_with(&own) } else { own.ends_with(&fixed) }
        }
        Entity::Hash(_) => true,
    }
}

#[cfg(test)]
mod tests;
