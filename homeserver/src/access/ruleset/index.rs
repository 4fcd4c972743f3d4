//! The rules of one scope, by what they are about.

use std::{borrow::Cow, collections::HashMap, net::IpAddr, sync::Arc};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;
use ruma::RoomId;

use super::{Facts, Family};
use crate::{
    access::{
        glob::Globs,
        networks,
        room_networks::RoomNetworks,
        rule::{Criterion, Rule},
    },
    secrets::HASH_LENGTH,
};

type Rules = Vec<Arc<Rule>>;

/// The rules of one scope.
#[derive(Debug, Default)]
pub(super) struct Index {
    users: Globs<Arc<Rule>>,
    servers: Globs<Arc<Rule>>,
    emails: HashMap<[u8; HASH_LENGTH], Rules>,
    domains: HashMap<String, Rules>,
    v4: PrefixMap<Ipv4Net, Rules>,
    v6: PrefixMap<Ipv6Net, Rules>,
    room_networks: HashMap<String, Rules>,
    named_networks: HashMap<String, Rules>,
    tokens: HashMap<[u8; HASH_LENGTH], Rules>,
    everyone: Rules,
}

/// Names of the network from which somebody comes.
#[derive(Debug, Default)]
pub(super) struct Names {
    in_room: Option<String>,
    everywhere: Option<Arc<str>>,
}

impl Index {
    pub(super) fn insert(&mut self, rule: &Arc<Rule>) {
        let rule = rule.clone();
        match &rule.criterion {
            Criterion::Everyone => self.everyone.push(rule),
            Criterion::User(glob) => self.users.insert(glob, rule.clone()),
            Criterion::Server(glob) => self.servers.insert(glob, rule.clone()),
            Criterion::Email(hash) => self.emails.entry(*hash).or_default().push(rule.clone()),
            Criterion::EmailDomain(domain) => self.domains.entry(domain.clone()).or_default().push(rule.clone()),
            Criterion::Network(IpNet::V4(network)) => self.v4.entry(*network).or_default().push(rule.clone()),
            Criterion::Network(IpNet::V6(network)) => self.v6.entry(*network).or_default().push(rule.clone()),
            Criterion::RegistrationToken(hash) => self.tokens.entry(*hash).or_default().push(rule.clone()),
            Criterion::RoomNetwork(token) => self.room_networks.entry(token.clone()).or_default().push(rule.clone()),
            Criterion::NamedNetwork(name) => self.named_networks.entry(name.clone()).or_default().push(rule.clone()),
        }
    }

    pub(super) fn asks_for_emails(&self) -> bool {
        !self.emails.is_empty() || !self.domains.is_empty()
    }

    /// The names that rules may know the network of `address` by, as far as there are such rules; it takes
    /// a keyed hash to make one.
    pub(super) fn names(&self, address: IpAddr, room: Option<&RoomId>, networks: &RoomNetworks) -> Names {
        Names {
            in_room: room.filter(|_| !self.room_networks.is_empty()).map(|room| networks.token(room, address)),
            everywhere: (!self.named_networks.is_empty()).then(|| networks.name(address)),
        }
    }

    /// Tells of every rule that matches: what it belongs to, and how specific it is there.
    pub(super) fn find<'a>(
        &'a self,
        facts: &Facts<'_>,
        names: &Names,
        mut found: impl FnMut(Family, u32, &'a Arc<Rule>),
    ) {
        if let Some(user) = facts.user.filter(|_| !self.users.is_empty()) {
            let found = |letters, rule| found(Family::User, capped(letters), rule);
            self.users.find(&in_small_letters(user), found);
        }
        if let Some(server) = facts.server.filter(|_| !self.servers.is_empty()) {
            let found = |letters, rule| found(Family::Server, capped(letters), rule);
            self.servers.find(&in_small_letters(server), found);
        }
        if let Some(address) = facts.address.map(networks::normalised) {
            self.find_networks(address, |bits, rule| found(Family::Network, bits, rule));
            let bits = u32::from(networks::customer(address).prefix_len());
            let in_room = names.in_room.as_ref().and_then(|token| self.room_networks.get(token));
            let everywhere = names.everywhere.as_ref().and_then(|name| self.named_networks.get(&**name));
            for rule in in_room.into_iter().chain(everywhere).flatten() {
                found(Family::Network, bits, rule);
            }
        }
        if self.asks_for_emails() {
            for (number, email) in facts.emails.iter().enumerate() {
                for rule in self.emails.get(&email.hash).into_iter().flatten() {
                    found(Family::Email(number), u32::MAX, rule);
                }
                self.find_domains(&email.domain, |length, rule| found(Family::Email(number), length, rule));
            }
        }
        for rule in facts.token.and_then(|token| self.tokens.get(token)).into_iter().flatten() {
            found(Family::Token, u32::MAX, rule);
        }
        for rule in &self.everyone {
            found(Family::Everyone, 0, rule);
        }
    }

    fn find_networks<'a>(&'a self, address: IpAddr, mut found: impl FnMut(u32, &'a Arc<Rule>)) {
        match address {
            IpAddr::V4(address) => {
                for (network, rules) in self.v4.cover(&Ipv4Net::from(address)) {
                    rules.iter().for_each(|rule| found(u32::from(network.prefix_len()), rule));
                }
            }
            IpAddr::V6(address) => {
                for (network, rules) in self.v6.cover(&Ipv6Net::from(address)) {
                    rules.iter().for_each(|rule| found(u32::from(network.prefix_len()), rule));
                }
            }
        }
    }

    /// The domain itself, then those above it.
    fn find_domains<'a>(&'a self, domain: &str, mut found: impl FnMut(u32, &'a Arc<Rule>)) {
        let mut rest = Some(domain);
        while let Some(domain) = rest {
            for rule in self.domains.get(domain).into_iter().flatten() {
                found(capped(domain.len()), rule);
            }
            rest = domain.split_once('.').map(|(_, above)| above);
        }
    }
}

fn capped(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The same, which it nearly always is already.
fn in_small_letters(text: &str) -> Cow<'_, str> {
    match text.bytes().all(|letter| letter.is_ascii() && !letter.is_ascii_uppercase()) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.to_lowercase()),
    }
}
