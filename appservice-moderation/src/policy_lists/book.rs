//! The rules of all lists that are watched, arranged so that those who match are found quickly.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use ruma::{OwnedRoomId, OwnedServerName, OwnedUserId, RoomId, ServerName, UserId};

use super::rule::{Entity, Kind, Rule};
use crate::event::Event;

/// Where in a list a rule stands: the type of the event and its state key.
pub type Place = (String, String);

/// The rules of one list.
#[derive(Clone, Debug, Default)]
pub struct List {
    rules: BTreeMap<Place, Arc<Rule>>,
    /// How many rules recommend what is not understood.
    pub unknown: usize,
}

/// Who is never hit by any list.
#[derive(Clone, Debug)]
pub struct Spared {
    /// This server.
    pub server: OwnedServerName,
    /// Operators and programs.
    pub users: Vec<OwnedUserId>,
}

/// A rule, and the list in which it stands.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The list.
    pub list: OwnedRoomId,
    /// The rule.
    pub rule: Arc<Rule>,
}

/// The rules of several lists.
#[derive(Clone, Debug, Default)]
pub struct Book {
    exact: HashMap<(Kind, String), Vec<Listed>>,
    others: Vec<Listed>,
}

impl List {
    /// The rules that stand in the state of a list.
    pub fn read<'a>(state: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut list = Self::default();
        for event in state {
            list.take(event);
        }
        list
    }

    /// Takes over a piece of the list's state; says whether anything is different now.
    pub fn take(&mut self, event: &Event) -> bool {
        let (Some(state_key), Some(_)) = (&event.state_key, Kind::of_type(&event.kind)) else { return false };
        let place = (event.kind.clone(), state_key.clone());
        match Rule::read(event) {
            Some(rule) => {
                let known = self.rules.insert(place, Arc::new(rule.clone()));
                known.is_none_or(|known| *known != rule)
            }
            None => {
                let is_empty = event.content.as_object().is_none_or(|content| content.is_empty());
                self.unknown += usize::from(!is_empty);
                self.rules.remove(&place).is_some()
            }
        }
    }

    /// Forgets the rule that the event `event_id` said, because it was redacted.
    pub fn redact(&mut self, event_id: &str) -> bool {
        let before = self.rules.len();
        self.rules.retain(|_, rule| rule.event != event_id);
        self.rules.len() < before
    }

    /// The rules, those of users first.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.values()
    }

    /// How many rules there are of a kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.rules.values().filter(|rule| rule.kind == kind).count()
    }
}

impl Spared {
    /// Why a rule is not applied, if it is not, as the end of a sentence.
    pub fn objection(&self, rule: &Rule) -> Option<String> {
        if rule.entity.is_too_wide() {
            return Some("it could be anybody".to_owned());
        }
        match rule.kind {
            Kind::Server if rule.entity.is(self.server.as_str()) => Some("it is about this server".to_owned()),
            Kind::User => {
                let user = self.users.iter().find(|user| rule.entity.is(user.as_str()))?;
                Some(format!("it is about {user}, who looks after this server"))
            }
            Kind::Server | Kind::Room => None,
        }
    }

    /// Whether nobody acts on `user` because of a list.
    pub fn covers(&self, user: &UserId) -> bool {
        self.users.iter().any(|spared| spared == user)
    }
}

impl Book {
    /// The rules of `lists` to which nobody objects.
    pub fn of<'a>(lists: impl IntoIterator<Item = (&'a RoomId, &'a List)>, spared: &Spared) -> Self {
        let mut book = Self::default();
        for (room, list) in lists {
            for rule in list.rules().filter(|rule| spared.objection(rule).is_none()) {
                let listed = Listed { list: room.to_owned(), rule: rule.clone() };
                match &rule.entity {
                    Entity::Exact(name) => book.exact.entry((rule.kind, name.clone())).or_default().push(listed),
                    Entity::Pattern(_) | Entity::Hash(_) => book.others.push(listed),
                }
            }
        }
        book
    }

    /// The rules about a user.
    pub fn about_user(&self, user: &UserId) -> Vec<&Listed> {
        self.find(Kind::User, user.as_str())
    }

    /// The rules about a server.
    pub fn about_server(&self, server: &ServerName) -> Vec<&Listed> {
        // A port belongs to an address, not to a name that lists are about.
        let mut found = self.find(Kind::Server, server.as_str());
        if server.port().is_some() {
            found.extend(self.find(Kind::Server, server.host()));
        }
        found
    }

    /// The patterns of servers that are banned, with the rules that say so.
    pub fn servers(&self) -> BTreeMap<String, Vec<&Listed>> {
        let mut servers: BTreeMap<String, Vec<&Listed>> = BTreeMap::new();
        for listed in self.exact.values().flatten().chain(&self.others) {
            if listed.rule.kind == Kind::Server && !matches!(listed.rule.entity, Entity::Hash(_)) {
                servers.entry(listed.rule.entity.to_string()).or_default().push(listed);
            }
        }
        servers
    }

    /// A rule of a kind whose entity is written like this.
    pub fn named(&self, kind: Kind, entity: &str) -> Option<&Listed> {
        let exact = self.exact.get(&(kind, entity.to_lowercase())).and_then(|found| found.first());
        let is_it = |listed: &&Listed| listed.rule.kind == kind && listed.rule.entity.to_string() == entity;
        exact.or_else(|| self.others.iter().find(is_it))
    }

    /// All rules.
    pub fn rules(&self) -> impl Iterator<Item = &Listed> {
        self.exact.values().flatten().chain(&self.others)
    }

    fn find(&self, kind: Kind, name: &str) -> Vec<&Listed> {
        let exact = self.exact.get(&(kind, name.to_lowercase())).into_iter().flatten();
        let others = self.others.iter().filter(|listed| listed.rule.kind == kind && listed.rule.entity.is(name));
        exact.chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use ruma::{room_id, server_name, user_id};
    use serde_json::{Value, json};

    use super::*;

    fn event(kind: &str, state_key: &str, content: Value) -> Event {
        serde_json::from_value(json!({
            "event_id": id(state_key), "room_id": "!list:there.test", "sender": "@writer:there.test",
            "type": kind, "state_key": state_key, "content": content,
        }))
        .expect("an event")
    }

    fn id(state_key: &str) -> String {
        format!("${}", crate::ids::derived(20, &[state_key]))
    }

    fn ban(kind: &str, entity: &str) -> Event {
        event(&format!("m.policy.rule.{kind}"), entity, json!({ "entity": entity, "recommendation": "m.ban" }))
    }

    fn spared() -> Spared {
        Spared { server: server_name!("here.test").to_owned(), users: vec![user_id!("@root:here.test").to_owned()] }
    }

    #[test]
    fn who_matches_is_found() {
        let list = List::read(&[
            ban("user", "@spam:evil.test"),
            ban("user", "@bad*:*"),
            ban("server", "*.evil.test"),
            ban("server", "evil.test"),
        ]);
        let book = Book::of([(room_id!("!list:there.test"), &list)], &spared());

        for (user, expected) in
            [(user_id!("@SPAM:evil.test"), 1), (user_id!("@badger:nice.test"), 1), (user_id!("@nice:nice.test"), 0)]
        {
            assert_eq!(book.about_user(user).len(), expected, "{user}");
        }
        for (server, expected) in [
            (server_name!("evil.test"), 1),
            (server_name!("a.evil.test"), 1),
            (server_name!("evil.test:8448"), 1),
            (server_name!("nice.test"), 0),
        ] {
            assert_eq!(book.about_server(server).len(), expected, "{server}");
        }
        assert_eq!(book.servers().keys().collect::<Vec<_>>(), ["*.evil.test", "evil.test"]);
    }

    #[test]
    fn a_rule_is_lifted_by_an_empty_event_and_by_redaction() {
        let mut list = List::read(&[ban("user", "@a:x.test"), ban("user", "@b:x.test")]);

        assert!(!list.take(&ban("user", "@a:x.test")));
        assert!(list.take(&event("m.policy.rule.user", "@a:x.test", json!({}))));
        assert!(list.redact(&id("@b:x.test")));

        assert_eq!((list.rules().count(), list.unknown), (0, 0));
    }

    #[test]
    fn nobody_who_looks_after_the_server_is_hit() {
        let wrong = [
            ban("user", "*"),
            ban("user", "@root:here.test"),
            ban("user", "@r*:here.*"),
            ban("server", "here.test"),
            ban("server", "*.test"),
        ];
        for rule in &wrong {
            let list = List::read([rule]);
            let book = Book::of([(room_id!("!list:there.test"), &list)], &spared());
            assert_eq!(book.rules().count(), 0, "{rule:?}");
        }
    }
}
