//! What deciding costs: once, and at all gates that a request passes.

use std::{
    hint::black_box,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use homeserver::{
    access::{
        Visitor,
        email::Email,
        feature::Feature,
        glob::Glob,
        networks,
        rule::{Criterion, Effect, Hits, Kind, Rule},
        rulebook::NewRule,
        ruleset::{Facts, Place, RuleSet},
    },
    storage::numbers::UserNid,
};
use rand::{SeedableRng, rngs::StdRng};
use ruma::{OwnedRoomId, OwnedUserId, RoomId};

use crate::{
    Bench, MOST, Report, must_be,
    rules::{ROOMS, address, room, rules},
};

/// How often each is measured.
const TIMES: u32 = 200_000;
const ASKERS: u32 = 10_000;

/// Somebody who asks.
struct Asker {
    user: OwnedUserId,
    nid: UserNid,
    address: IpAddr,
    emails: Vec<Email>,
}

impl Asker {
    fn visitor(&self) -> Visitor<'_> {
        Visitor { user: Some((&self.user, self.nid)), address: Some(self.address) }
    }
}

fn askers(bench: &Bench) -> Vec<Asker> {
    let random = &mut StdRng::seed_from_u64(2);
    let asker = |number: u32| {
        let email = format!("person{}@domain{}.test", number * 7, number * 9);
        Asker {
            user: format!("@user{}:test.local", number * 3).try_into().expect("a user ID"),
            nid: UserNid(i64::from(number) + 1),
            address: address(random),
            emails: vec![Email::parse(&email, &bench.secrets).expect("an address")],
        }
    };
    (0..ASKERS).map(asker).collect()
}

/// One decision by all facts that there can be, e-mail addresses among them, with all rules in one scope.
pub fn decisions(bench: &Bench, count: u32, report: &mut Report) {
    let names = bench.access.rulebook.room_networks();
    let rules: Vec<_> = rules(count, names).iter().enumerate().map(|(at, new)| rule(at, new, bench)).collect();
    let started = Instant::now();
    let set = RuleSet::new(&rules, names.clone(), 0);
    report.add(format!("making {count} rules ready"), format!("{:.0?}", started.elapsed()));
    let (askers, mut hits) = (askers(bench), 0);
    let times = times(askers.iter(), |asker| {
        let facts = Facts {
            user: Some(asker.user.as_str()),
            server: Some("test.local"),
            address: Some(asker.address),
            emails: &asker.emails,
            token: None,
        };
        let decision = black_box(set.decide(Place::Server, black_box(&facts), 1));
        hits += u32::from(decision.rule.is_some());
    });
    let mean = report.add_times(&format!("one decision, all rules in one scope ({hits} of {TIMES} by a rule)"), times);
    must_be(mean < MOST, "a decision takes less than 5 µs");
}

/// What requests pass before they are served, and messages before they are sent.
pub async fn requests(bench: &Bench, report: &mut Report) {
    let (gates, askers) = (&bench.access.gates, askers(bench));
    let rooms: Vec<OwnedRoomId> = (0..ROOMS).map(room).collect();
    let kinds =
        ["/sync: arrival, account", "a message: the same, feature, room, two spaces", "a login: arrival, login"];
    for (kind, what) in kinds.into_iter().enumerate() {
        // Addresses of accounts are looked up once in ten seconds.
        bench.access.emails.remember(askers.iter().map(|asker| asker.nid)).await.expect("they can be read");
        let (mut times, mut refused) = (Vec::with_capacity(TIMES as usize), 0);
        for (asker, number) in askers.iter().cycle().zip(0..TIMES) {
            let (visitor, room) = (asker.visitor(), &rooms[number as usize % rooms.len()]);
            let [one, other] = [0, 10].map(|space| &*rooms[space]);
            let started = Instant::now();
            let passed = match kind {
                0 => read(gates, &visitor).await,
                1 => send(gates, &visitor, room, &[one, other]).await,
                _ => log_in(gates, &visitor).await,
            };
            times.push(started.elapsed());
            refused += u32::from(passed.is_err());
        }
        let mean = report.add_times(&format!("{what} ({refused} of {TIMES} refused)"), times);
        must_be(mean < MOST, "the gates of a request take less than 5 µs");
    }
}

type Gates = homeserver::access::gates::Gates;

async fn read(gates: &Gates, visitor: &Visitor<'_>) -> homeserver::Result<()> {
    gates.arrival(visitor)?;
    gates.server(visitor).await
}

async fn send(gates: &Gates, visitor: &Visitor<'_>, room: &RoomId, spaces: &[&RoomId]) -> homeserver::Result<()> {
    read(gates, visitor).await?;
    gates.feature(visitor, Feature::SendMessage).await?;
    gates.room(visitor, room, spaces).await
}

async fn log_in(gates: &Gates, visitor: &Visitor<'_>) -> homeserver::Result<()> {
    gates.arrival(visitor)?;
    gates.login(visitor).await
}

/// How long something takes for each asker in turn.
fn times<'a>(askers: impl Iterator<Item = &'a Asker> + Clone, mut work: impl FnMut(&Asker)) -> Vec<Duration> {
    let measure = |asker| {
        let started = Instant::now();
        work(asker);
        started.elapsed()
    };
    askers.cycle().take(TIMES as usize).map(measure).collect()
}

/// The rule that `new` would be, for the whole server.
fn rule(number: usize, new: &NewRule, bench: &Bench) -> Arc<Rule> {
    let criterion = match new.kind {
        Kind::User => Criterion::User(Glob::new(&new.value)),
        Kind::Network => Criterion::Network(networks::parse(&new.value).expect("a network")),
        Kind::NamedNetwork => Criterion::NamedNetwork(new.value.clone()),
        Kind::EmailDomain => Criterion::EmailDomain(new.value.clone()),
        Kind::Email => Criterion::Email(Email::parse(&new.value, &bench.secrets).expect("an address").hash),
        kind => unreachable!("there are no rules of the kind {}", kind.name()),
    };
    let effects = [Effect::Deny, Effect::Allow, Effect::RequireSecondFactor];
    Arc::new(Rule {
        id: new.id.clone(),
        version: 1,
        value: String::new(),
        criterion,
        scope: homeserver::access::rule::Scope::Server,
        effect: effects[number % effects.len()],
        public_reason: None,
        private_reason: None,
        author: "@root:test.local".to_owned(),
        case: None,
        origin: new.origin.clone(),
        created_at: 0,
        updated_at: i64::try_from(number).unwrap_or_default(),
        expires_at: None,
        revoked: None,
        hits: Hits::default(),
    })
}
