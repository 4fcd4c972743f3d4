//! What a list would do, before it may do anything.

use std::collections::{BTreeMap, BTreeSet};

use ruma::{OwnedUserId, RoomId, UserId};
use serde_json::{Value, json};

use super::{
    book::{List, Spared},
    effects::Effects,
    rule::Kind,
    wants::{Books, Outcome, RoomNow},
};
use crate::reply::Reply;

/// So many names are shown of those who would be hit.
const SHOWN: usize = 10;

/// What a list would do.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// How many rules there are of each kind.
    rules: BTreeMap<&'static str, usize>,
    /// How many rules are not understood.
    unknown: usize,
    /// Rules that are not applied, and why.
    set_aside: Vec<(String, String)>,
    /// Who would be banned or put out, and of how many rooms.
    members: BTreeMap<OwnedUserId, usize>,
    /// Those of them who are of this server.
    own: BTreeSet<OwnedUserId>,
    /// In how many rooms servers would be shut out.
    acl_rooms: usize,
    /// How many access rules would be made.
    access_rules: usize,
    /// In how many rooms the bot lacks the power.
    powerless_rooms: usize,
}

impl Preview {
    /// What `list` would do in `rooms`.
    pub fn new(list: (&RoomId, &List), effects: Effects, rooms: &[RoomNow], spared: &Spared) -> Self {
        let (list_id, list) = list;
        let books = Books::new([(list_id, list, effects)], spared.clone());
        let mut preview = Self { unknown: list.unknown, ..Self::default() };
        for kind in Kind::ALL {
            preview.rules.insert(kind.name(), list.count(kind));
        }
        for rule in list.rules() {
            if let Some(objection) = spared.objection(rule) {
                preview.set_aside.push((rule.entity.to_string(), objection));
            }
        }
        for now in rooms {
            preview.powerless_rooms += usize::from(!now.is_in_hand());
            let wants = books.in_room(now);
            preview.acl_rooms += usize::from(wants.iter().any(|want| want.outcome == Outcome::Acl));
            for want in wants.iter().filter(|want| want.outcome != Outcome::Acl) {
                if let Ok(user) = UserId::parse(&want.target) {
                    if user.server_name() == spared.server {
                        preview.own.insert(user.clone());
                    }
                    *preview.members.entry(user).or_default() += 1;
                }
            }
        }
        preview.access_rules = books.on_server().len();
        preview
    }

    /// In words.
    pub fn reply(&self, name: &str, effects: Effects) -> Reply {
        let count = |kind: Kind| self.rules.get(kind.name()).copied().unwrap_or_default();
        let mut reply = Reply::new(format!(
            "**{name}** has {} rules about users, {} about servers and {} about rooms (which nothing comes of here).",
            count(Kind::User),
            count(Kind::Server),
            count(Kind::Room)
        ));
        if self.unknown > 0 {
            reply = reply.line(format!("{} more are not understood.", self.unknown));
        }
        reply = reply.line(match self.members.len() {
            0 => "Nobody in the rooms that I look after would be hit now.".to_owned(),
            count => format!("In the rooms that I look after **{count}** would be put out now:"),
        });
        for (user, rooms) in self.members.iter().take(SHOWN) {
            let own = if self.own.contains(user) { ", **of this server**" } else { "" };
            reply = reply.item(format!("{user} ({rooms} rooms{own})"));
        }
        if self.members.len() > SHOWN {
            reply = reply.item(format!("… and {} more", self.members.len() - SHOWN));
        }
        if !self.own.is_empty() {
            reply = reply.line(format!("{} of them are of this server.", self.own.len()));
        }
        if effects.acl {
            reply = reply.line(format!("Servers would be shut out of {} rooms.", self.acl_rooms));
        }
        if effects.access {
            reply = reply.line(format!("{} access rules would keep users and servers away.", self.access_rules));
        }
        for (entity, objection) in self.set_aside.iter().take(SHOWN) {
            reply = reply.item(format!("`{entity}` is passed over, because {objection}."));
        }
        if self.set_aside.len() > SHOWN {
            reply = reply.item(format!("… and {} more are passed over", self.set_aside.len() - SHOWN));
        }
        if self.powerless_rooms > 0 {
            reply = reply.line(format!("In {} rooms I lack the power for some of it.", self.powerless_rooms));
        }
        reply
    }

    /// For programs.
    pub fn facts(&self) -> Value {
        json!({
            "rules": self.rules,
            "not_understood": self.unknown,
            "passed_over": self.set_aside.iter().map(|(entity, why)| json!({ "entity": entity, "because": why }))
                .collect::<Vec<_>>(),
            "members": self.members,
            "own_users": self.own,
            "acl_rooms": self.acl_rooms,
            "access_rules": self.access_rules,
            "powerless_rooms": self.powerless_rooms,
        })
    }
}
