//! Many rules of all kinds and for all scopes, as they might be after years.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Instant,
};

use homeserver::{
    access::{
        room_networks::RoomNetworks,
        rule::{Effect, Kind, Scope},
        rulebook::NewRule,
    },
    storage::access_rules,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use ruma::OwnedRoomId;

use crate::{Bench, Report};

/// Rooms about which there are rules; every tenth is a space.
pub const ROOMS: u32 = 500;

/// A room or a space.
pub fn room(number: u32) -> OwnedRoomId {
    format!("!room{number}:test.local").try_into().expect("a room ID")
}

/// An address on the Internet, beyond those of private networks at the beginning.
pub fn address(random: &mut StdRng) -> IpAddr {
    if random.random_bool(0.8) {
        Ipv4Addr::from_bits(random.random_range(0x0b00_0000..0xdfff_ffff)).into()
    } else {
        Ipv6Addr::from_bits((0x2000 << 112) | (random.random::<u128>() >> 3)).into()
    }
}

/// Half of the rules are about networks, the others about people, their addresses and their servers; six
/// of ten hold for the whole server.
pub fn rules(count: u32, names: &RoomNetworks) -> Vec<NewRule> {
    let random = &mut StdRng::seed_from_u64(1);
    (0..count).map(|number| rule(number, random, names)).collect()
}

fn rule(number: u32, random: &mut StdRng, names: &RoomNetworks) -> NewRule {
    let scope = match random.random_range(0..20) {
        0..12 => Scope::Server,
        12 | 13 => Scope::Registration,
        14 => Scope::Login,
        15 => "feature:send_message".parse().expect("a feature"),
        16 => "feature:join".parse().expect("a feature"),
        17 => "feature:create_room".parse().expect("a feature"),
        18 => Scope::Room(room(number % ROOMS)),
        _ => Scope::Space(room(number % ROOMS / 10 * 10)),
    };
    let (kind, value) = match number % 20 {
        0..9 => {
            let address = address(random);
            let (least, most) = if address.is_ipv4() { (18, 32) } else { (36, 64) };
            (Kind::Network, format!("{address}/{}", random.random_range(least..=most)))
        }
        9 => (Kind::NamedNetwork, names.name(address(random)).to_string()),
        10..14 => (Kind::User, format!("@user{number}:test.local")),
        14 => (Kind::User, format!("@bad{number}*:server{}.test", number % 1000)),
        15 => (Kind::User, format!("*{number}spam:server{}.test", number % 1000)),
        16 | 17 => (Kind::EmailDomain, format!("domain{number}.test")),
        _ => (Kind::Email, format!("person{number}@mail.test")),
    };
    let effects = [Effect::Deny, Effect::Deny, Effect::Allow, Effect::LogOnly];
    NewRule {
        id: format!("r{number}"),
        kind,
        value,
        scope,
        effect: effects[random.random_range(0..effects.len())],
        public_reason: None,
        private_reason: None,
        case: None,
        origin: "benchmark".to_owned(),
        expires_at: None,
        is_permanent: false,
        replaces: None,
    }
}

/// Has so many rules stored, and in force.
pub async fn store(bench: &Bench, count: u32, report: &mut Report) {
    let rulebook = &bench.access.rulebook;
    let mut tx = bench.storage.begin().await.expect("the database is there");
    let generation = access_rules::advance(&mut tx).await.expect("the rules can be written");
    for rule in rules(count, rulebook.room_networks()) {
        let row = rulebook.draft(&rule, "@root:test.local").expect("the rule is allowed");
        access_rules::upsert(&mut tx, &row, generation).await.expect("the rules can be written");
    }
    tx.commit().await.expect("the rules can be written");
    let started = Instant::now();
    // A task that follows the rules may have been the first to see them.
    rulebook.refresh().await.expect("the rules can be read");
    while rulebook.current().len() < count as usize {
        tokio::task::yield_now().await;
    }
    report.add(format!("reading {count} rules and putting them in force"), format!("{:.0?}", started.elapsed()));
}
