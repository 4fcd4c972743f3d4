//! What deciding by access rules costs, with 100,000 of them, and how long it takes until a new one has
//! cut off 10,000 requests that wait. Run with `cargo bench --bench access`.

#![expect(clippy::print_stdout, reason = "it is what a benchmark is for")]

use std::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::{Duration, Instant},
};

use homeserver::{
    access::{
        Access, Visitor,
        email::Email,
        glob::Glob,
        networks,
        room_networks::RoomNetworks,
        rule::{Criterion, Effect, Hits, Kind, Rule, Scope},
        rulebook::{Change, NewRule},
        ruleset::{Facts, Place, RuleSet},
    },
    audit::{self, Actor, Audit},
    clock::Clock,
    config::{self, RateLimits},
    metrics::Metrics,
    secrets::{KeyRing, Secrets},
    storage::{Address, Storage, numbers::UserNid},
    tasks::Tasks,
};
use homeserver_testing::TestDatabase;
use rand::{Rng, SeedableRng, rngs::StdRng};
use ruma::OwnedUserId;

const RULES: u32 = 100_000;
const REQUESTS: u32 = 1_000_000;
const PARKED: u32 = 10_000;

fn rule(number: u32, criterion: Criterion, effect: Effect) -> Arc<Rule> {
    Arc::new(Rule {
        id: number.to_string(),
        version: 1,
        value: String::new(),
        criterion,
        scope: Scope::Server,
        effect,
        public_reason: None,
        private_reason: None,
        author: "@root:test.local".to_owned(),
        case: None,
        origin: "benchmark".to_owned(),
        created_at: 0,
        updated_at: i64::from(number),
        expires_at: None,
        revoked: None,
        hits: Hits::default(),
    })
}

fn address(random: &mut StdRng) -> IpAddr {
    if random.random_bool(0.8) {
        Ipv4Addr::from_bits(random.random_range(0x0100_0000..0xdfff_ffff)).into()
    } else {
        Ipv6Addr::from_bits((0x2000 << 112) | (random.random::<u128>() >> 3)).into()
    }
}

fn criterion(number: u32, random: &mut StdRng, secrets: &Secrets) -> Criterion {
    match number % 10 {
        0..5 => {
            let address = address(random);
            let (least, most) = if address.is_ipv4() { (12, 32) } else { (32, 64) };
            let network = format!("{address}/{}", random.random_range(least..=most));
            Criterion::Network(networks::parse(&network).expect("a network"))
        }
        5 | 6 => Criterion::User(Glob::new(&format!("@user{number}:test.local"))),
        7 => Criterion::User(Glob::new(&format!("@bad{number}*:server{}.test", number % 1000))),
        8 => Criterion::EmailDomain(format!("domain{number}.test")),
        _ => {
            let email = Email::parse(&format!("person{number}@mail.test"), secrets).expect("an address");
            Criterion::Email(email.hash)
        }
    }
}

/// Somebody who asks.
struct Asker {
    user: String,
    address: IpAddr,
    emails: Vec<Email>,
}

fn decisions(secrets: &Secrets) {
    let mut random = StdRng::seed_from_u64(1);
    let effects = [Effect::Deny, Effect::Allow, Effect::RequireSecondFactor];
    let rules: Vec<_> = (0..RULES)
        .map(|number| rule(number, criterion(number, &mut random, secrets), effects[number as usize % effects.len()]))
        .collect();
    let started = Instant::now();
    let set = RuleSet::new(&rules, RoomNetworks::new(secrets.clone()), 0);
    println!("{RULES} rules are made ready in {:?}", started.elapsed());

    let askers: Vec<Asker> = (0..10_000)
        .map(|number| {
            let email = format!("person{}@domain{}.test", number * 7, number * 9);
            Asker {
                user: format!("@user{}:test.local", number * 3),
                address: address(&mut random),
                emails: vec![Email::parse(&email, secrets).expect("an address")],
            }
        })
        .collect();
    let (mut hits, mut times) = (0, Vec::with_capacity(REQUESTS as usize));
    let whole = Instant::now();
    for asker in askers.iter().cycle().take(REQUESTS as usize) {
        let started = Instant::now();
        let facts = Facts {
            user: Some(&asker.user),
            server: Some("test.local"),
            address: Some(asker.address),
            emails: &asker.emails,
            token: None,
        };
        let decision = black_box(set.decide(Place::Server, black_box(&facts), 1));
        times.push(started.elapsed());
        hits += u32::from(decision.rule.is_some());
    }
    let mean = whole.elapsed() / REQUESTS;
    times.sort_unstable();
    println!(
        "one decision: {mean:?} on average, {:?} for 99 of 100; a rule decided {hits} times in {REQUESTS}",
        times[times.len() * 99 / 100]
    );
    assert!(cfg!(debug_assertions) || mean < Duration::from_micros(5), "a decision takes less than 5 µs");
}

async fn cut_off(secrets: Secrets) {
    let database = TestDatabase::create().await;
    let address = Address::Url(config::Hidden::from(database.url()));
    let storage = Storage::open(&address, 4).expect("the URL is valid");
    let (tasks, clock) = (Tasks::default(), Clock::default());
    let audit = Audit::start(audit::Parts {
        storage: storage.clone(),
        secrets: secrets.clone(),
        clock: clock.clone(),
        metrics: Metrics::default(),
        tasks: &tasks,
        rules: config::Audit::default(),
    });
    let rules = config::Access::default();
    let access = Access::start(&RateLimits::default(), &rules, storage.clone(), secrets, audit, clock, &tasks)
        .await
        .expect("the rules can be read");
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..PARKED {
        let live = access.live.clone();
        waiting.spawn(async move {
            let id: OwnedUserId = format!("@user{number}:test.local").try_into().expect("a user ID");
            let address = Ipv4Addr::from_bits(0x0a00_0000 + number).into();
            let visitor = Visitor { user: Some((&id, UserNid(i64::from(number)))), address: Some(address) };
            let refused = live.unless_cut(visitor, std::future::pending::<homeserver::Result<()>>()).await;
            assert!(refused.is_err(), "nothing else ends it");
        });
    }
    while access.live.list().len() < PARKED as usize {
        tokio::task::yield_now().await;
    }
    let new = NewRule {
        id: "ban".to_owned(),
        kind: Kind::Network,
        value: "10.0.0.0/8".to_owned(),
        scope: Scope::Server,
        effect: Effect::Deny,
        public_reason: None,
        private_reason: None,
        case: None,
        origin: "benchmark".to_owned(),
        expires_at: None,
        is_permanent: false,
        replaces: None,
    };
    let started = Instant::now();
    access
        .rulebook
        .change(&[Change::Put(Box::new(new))], "@root:test.local", &Actor::operator())
        .await
        .expect("the rule is allowed");
    while waiting.join_next().await.is_some() {}
    println!("{PARKED} waiting requests are cut off {:?} after a rule is asked for", started.elapsed());
    tasks.stop().await;
    storage.close().await;
}

fn main() {
    let secrets = Secrets::new(&KeyRing::generate(), None);
    decisions(&secrets);
    tokio::runtime::Runtime::new().expect("a runtime").block_on(cut_off(secrets));
}
