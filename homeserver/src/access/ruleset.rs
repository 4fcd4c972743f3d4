//! All rules in force, made ready for deciding. Pure: knows no storage, and the time is given.
//!
//! Within one kind of criterion the most specific rule wins, and of equally specific ones the
//! strictest, then the newest. Between kinds the strictest wins. A rule about everyone speaks where no
//! other does.

mod index;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use ruma::{OwnedRoomId, RoomId};

use self::index::Index;
use super::{
    email::Email,
    feature::Feature,
    room_networks::RoomNetworks,
    rule::{Effect, Rule, Scope},
};
use crate::secrets::HASH_LENGTH;

/// What is known about somebody who wants something.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The user ID.
    pub user: Option<&'a str>,
    /// The server, of the user or by itself.
    pub server: Option<&'a str>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The e-mail addresses.
    pub emails: &'a [Email],
    /// The keyed hash of the registration token.
    pub token: Option<&'a [u8; HASH_LENGTH]>,
}

/// Where somebody wants something: a [`Scope`], borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "see `Scope`")]
pub enum Place<'a> {
    Server,
    Registration,
    Login,
    Federation,
    Room(&'a RoomId),
    Space(&'a RoomId),
    Feature(Feature),
}

impl<'a> From<&'a Scope> for Place<'a> {
    fn from(scope: &'a Scope) -> Self {
        match scope {
            Scope::Server => Self::Server,
            Scope::Registration => Self::Registration,
            Scope::Login => Self::Login,
            Scope::Federation => Self::Federation,
            Scope::Room(room) => Self::Room(room),
            Scope::Space(space) => Self::Space(space),
            Scope::Feature(feature) => Self::Feature(*feature),
        }
    }
}

/// What the rules say.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// The rule that decided; none means that no rule says anything, which allows.
    pub rule: Option<Arc<Rule>>,
    /// Rules that matched and only want to be counted.
    pub noted: Vec<Arc<Rule>>,
}

impl Decision {
    /// What is to be done.
    pub fn effect(&self) -> Effect {
        self.rule.as_ref().map_or(Effect::Allow, |rule| rule.effect)
    }
}

/// A rule that matched, for those who ask why something was decided.
#[derive(Clone, Debug)]
pub struct Match {
    /// The rule.
    pub rule: Arc<Rule>,
    /// How specific it is among rules of its kind.
    pub specificity: u32,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a rule that matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It decided.
    Decides,
    /// A more specific rule of the same kind, or a stricter one that is as specific, went before.
    LessSpecific,
    /// A rule of another kind was stricter.
    LessStrict,
    /// It was only counted.
    Noted,
    /// It is about everyone, and others had something to say.
    Default,
}

/// What belongs together when the most specific is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    User,
    Server,
    /// Each e-mail address is looked at by itself.
    Email(usize),
    Network,
    Token,
    Everyone,
}

/// All rules in force; immutable.
#[derive(Debug)]
pub struct RuleSet {
    server: Index,
    registration: Index,
    login: Index,
    federation: Index,
    features: HashMap<Feature, Index>,
    rooms: HashMap<OwnedRoomId, Index>,
    spaces: HashMap<OwnedRoomId, Index>,
    room_networks: RoomNetworks,
    /// How many rules there are.
    len: usize,
    /// When the first of them ends.
    next_expiry: Option<i64>,
}

impl RuleSet {
    /// Makes `rules` ready. Those that are not in force at `now_ms` are left out.
    pub fn new<'a>(rules: impl IntoIterator<Item = &'a Arc<Rule>>, room_networks: RoomNetworks, now_ms: i64) -> Self {
        let mut set = Self::empty(room_networks);
        for rule in rules.into_iter().filter(|rule| rule.is_active(now_ms)) {
            set.len += 1;
            set.next_expiry = set.next_expiry.into_iter().chain(rule.expires_at).min();
            set.index_of(&rule.scope).insert(rule);
        }
        set
    }

    fn empty(room_networks: RoomNetworks) -> Self {
        Self {
            server: Index::default(),
            registration: Index::default(),
            login: Index::default(),
            federation: Index::default(),
            features: HashMap::new(),
            rooms: HashMap::new(),
            spaces: HashMap::new(),
            room_networks,
            len: 0,
            next_expiry: None,
        }
    }

    fn index_of(&mut self, scope: &Scope) -> &mut Index {
        match scope {
            Scope::Server => &mut self.server,
            Scope::Registration => &mut self.registration,
            Scope::Login => &mut self.login,
            Scope::Federation => &mut self.federation,
            Scope::Room(room) => self.rooms.entry(room.clone()).or_default(),
            Scope::Space(space) => self.spaces.entry(space.clone()).or_default(),
            Scope::Feature(feature) => self.features.entry(*feature).or_default(),
        }
    }

    fn at(&self, place: Place<'_>) -> Option<&Index> {
        match place {
            Place::Server => Some(&self.server),
            Place::Registration => Some(&self.registration),
            Place::Login => Some(&self.login),
            Place::Federation => Some(&self.federation),
            Place::Room(room) => self.rooms.get(room),
            Place::Space(space) => self.spaces.get(space),
            Place::Feature(feature) => self.features.get(&feature),
        }
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// When the first rule ends.
    pub fn next_expiry(&self) -> Option<i64> {
        self.next_expiry
    }

    /// The spaces about which there are rules.
    pub fn spaces(&self) -> impl Iterator<Item = &OwnedRoomId> {
        self.spaces.keys()
    }

    /// Whether rules at `place` look at e-mail addresses.
    pub fn asks_for_emails(&self, place: Place<'_>) -> bool {
        self.at(place).is_some_and(Index::asks_for_emails)
    }

    /// Decides whether somebody about whom `facts` are known may do what they want at `place`.
    pub fn decide(&self, place: Place<'_>, facts: &Facts<'_>, now_ms: i64) -> Decision {
        let mut decision = Decision::default();
        let mut best: Vec<(Family, u32, &Arc<Rule>)> = Vec::new();
        self.find(place, facts, |family, specificity, rule| {
            if !rule.is_active(now_ms) {
                return;
            }
            if rule.effect == Effect::LogOnly {
                decision.noted.push(rule.clone());
                return;
            }
            match best.iter_mut().find(|(known, ..)| *known == family) {
                Some(known) if goes_before((specificity, rule), (known.1, known.2)) => {
                    *known = (family, specificity, rule)
                }
                Some(_) => {}
                None => best.push((family, specificity, rule)),
            }
        });
        let is_default = |family: &Family| *family == Family::Everyone;
        let speaking = best.iter().filter(|(family, ..)| !is_default(family)).map(|(.., rule)| *rule);
        let default = || best.iter().find(|(family, ..)| is_default(family)).map(|(.., rule)| *rule);
        decision.rule = speaking.max_by(|one, other| rank(one).cmp(&rank(other))).or_else(default).cloned();
        decision
    }

    /// All rules in force that match, with what became of them, in the order of what they weigh.
    pub fn explain(&self, place: Place<'_>, facts: &Facts<'_>, now_ms: i64) -> Vec<Match> {
        let decided = self.decide(place, facts, now_ms).rule;
        let mut found: Vec<(Family, u32, Arc<Rule>)> = Vec::new();
        self.find(place, facts, |family, specificity, rule| {
            if rule.is_active(now_ms) {
                found.push((family, specificity, rule.clone()));
            }
        });
        let outcome = |family: Family, specificity: u32, rule: &Arc<Rule>| {
            let is_beaten = |(other, of, by): &(Family, u32, Arc<Rule>)| {
                *other == family && by.effect != Effect::LogOnly && goes_before((*of, by), (specificity, rule))
            };
            match () {
                () if rule.effect == Effect::LogOnly => Outcome::Noted,
                () if decided.as_ref().is_some_and(|decided| Arc::ptr_eq(decided, rule)) => Outcome::Decides,
                () if family == Family::Everyone => Outcome::Default,
                () if found.iter().any(is_beaten) => Outcome::LessSpecific,
                () => Outcome::LessStrict,
            }
        };
        let mut matches: Vec<Match> = found
            .iter()
            .map(|(family, specificity, rule)| Match {
                rule: rule.clone(),
                specificity: *specificity,
                outcome: outcome(*family, *specificity, rule),
            })
            .collect();
        matches.sort_by_key(|found| (found.outcome != Outcome::Decides, std::cmp::Reverse(found.specificity)));
        matches
    }

    fn find<'a>(&'a self, place: Place<'_>, facts: &Facts<'_>, found: impl FnMut(Family, u32, &'a Arc<Rule>)) {
        let Some(index) = self.at(place) else { return };
        let room = match place {
            Place::Room(room) => Some(room),
            _ => None,
        };
        let names = facts.address.map(|address| index.names(address, room, &self.room_networks)).unwrap_or_default();
        index.find(facts, &names, found);
    }
}

/// Whether a rule goes before another of the same family.
fn goes_before((specificity, rule): (u32, &Rule), (other_specificity, other): (u32, &Rule)) -> bool {
    (specificity, rank(rule)) > (other_specificity, rank(other))
}

/// The stricter has the higher rank, then the newer; the ID makes the order total.
fn rank(rule: &Rule) -> (i8, i64, &str) {
    (rule.effect.strictness(), rule.updated_at, &rule.id)
}
