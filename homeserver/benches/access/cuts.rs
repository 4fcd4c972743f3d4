//! How long it takes until a new rule has cut off those it hits among many requests that wait. The same
//! over HTTP is a scenario of the benchmark `load`.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use homeserver::{
    access::{
        Visitor,
        rule::{Effect, Kind, Scope},
        rulebook::{Change, NewRule},
    },
    audit::Actor,
    storage::numbers::UserNid,
};
use ruma::OwnedUserId;
use tokio::task::JoinSet;

use crate::{Bench, LONGEST, Report, must_be};

/// One request in so many comes from the network that is banned.
const HIT: u32 = 5;

/// Has requests wait, bans the network from which some of them come, and waits until those are answered.
pub async fn cut_off(bench: &Bench, count: u32, report: &mut Report) {
    let mut waiting = JoinSet::new();
    let (live, others) = (&bench.access.live, Arc::new(AtomicU32::new(0)));
    let already = live.list().len();
    for number in 0..count {
        let (live, others) = (live.clone(), others.clone());
        waiting.spawn(async move {
            let id: OwnedUserId = format!("@waiting{number}:test.local").try_into().expect("a user ID");
            let is_hit = number % HIT == 0;
            let block = if is_hit { Ipv4Addr::new(10, 1, 0, 0) } else { Ipv4Addr::new(10, 2, 0, 0) };
            let address = Ipv4Addr::from_bits(block.to_bits() + number).into();
            let visitor = Visitor { user: Some((&id, UserNid(1_000_000 + i64::from(number)))), address: Some(address) };
            let outcome = live.unless_cut(visitor, std::future::pending::<homeserver::Result<()>>()).await;
            assert!(outcome.is_err(), "nothing else ends it");
            others.fetch_add(u32::from(!is_hit), Ordering::Relaxed);
            Instant::now()
        });
    }
    while live.list().len() < already + count as usize {
        tokio::task::yield_now().await;
    }
    let new = NewRule {
        id: "ban".to_owned(),
        kind: Kind::Network,
        value: "10.1.0.0/16".to_owned(),
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
    let (changes, actor) = ([Change::Put(Box::new(new))], Actor::operator());
    bench.access.rulebook.change(&changes, "@root:test.local", &actor).await.expect("the rule is allowed");
    let in_force = started.elapsed();
    let (hits, mut last) = (count.div_ceil(HIT), Duration::ZERO);
    for _ in 0..hits {
        let cut_at = waiting.join_next().await.expect("it is cut off").expect("it does not panic");
        last = last.max(cut_at - started);
    }
    report.add("a rule more is in force after", format!("{in_force:.0?}"));
    report.add(format!("{hits} of {count} requests that wait are cut off after"), format!("{last:.0?}"));
    report.add("others that were cut off", others.load(Ordering::Relaxed));
    assert_eq!(others.load(Ordering::Relaxed), 0, "nobody else is cut off");
    assert_eq!(live.list().len(), already + (count - hits) as usize, "the others wait on");
    must_be(last < LONGEST, "a rule cuts off within a second");
    waiting.shutdown().await;
}
