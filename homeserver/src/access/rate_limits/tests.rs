//! Tests of the token buckets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::*;

fn limits(burst: u32, per_second: f64) -> (RateLimits, Clock) {
    let clock = Clock::default();
    let limits = Limits { login: Limit { burst, per_second }, ..Limits::default() };
    (RateLimits::new(&limits, clock.clone()), clock)
}

fn somebody(number: u32) -> Subject {
    Subject::address(IpAddr::V4(Ipv4Addr::from_bits(number)))
}

#[test]
fn a_burst_is_allowed_and_then_the_rate() {
    let (limits, clock) = limits(3, 1.0);

    for _ in 0..3 {
        limits.take(Action::Login, somebody(1)).expect("the burst");
    }
    limits.take(Action::Login, somebody(1)).expect_err("one more than the burst");

    clock.advance(Duration::from_secs(1));
    limits.take(Action::Login, somebody(1)).expect("one per second");
    limits.take(Action::Login, somebody(1)).expect_err("a second one");
}

#[test]
fn the_refusal_tells_how_long_to_wait() {
    let (limits, _) = limits(1, 0.5);
    limits.take(Action::Login, somebody(1)).expect("the first");

    let refusal = limits.take(Action::Login, somebody(1)).expect_err("the second");

    let Error::Refused { kind: ruma::api::error::ErrorKind::LimitExceeded(data), .. } = refusal else {
        panic!("{refusal:?}");
    };
    let Some(ruma::api::error::RetryAfter::Delay(wait)) = data.retry_after else { panic!("no delay") };
    assert!((1900..=2000).contains(&wait.as_millis()), "{wait:?}");
}

#[test]
fn subjects_and_actions_do_not_share_buckets() {
    let (limits, _) = limits(1, 0.1);
    limits.take(Action::Login, somebody(1)).expect("the first");

    limits.take(Action::Login, somebody(2)).expect("somebody else");
    limits.take(Action::Registration, somebody(1)).expect("something else");
}

#[test]
fn what_is_given_back_can_be_taken_again() {
    let (limits, _) = limits(1, 0.1);

    for _ in 0..5 {
        limits.take(Action::Login, somebody(1)).expect("there is one");
        limits.give_back(Action::Login, somebody(1));
    }
}

#[test]
fn addresses_of_one_ipv6_network_are_one_subject() {
    let one: Ipv6Addr = "2001:db8::1".parse().expect("an address");
    let other: Ipv6Addr = "2001:db8::ffff:1".parse().expect("an address");
    let elsewhere: Ipv6Addr = "2001:db8:0:1::1".parse().expect("an address");

    assert_eq!(Subject::address(one.into()), Subject::address(other.into()));
    assert_ne!(Subject::address(one.into()), Subject::address(elsewhere.into()));
}

#[test]
fn strangers_do_not_push_out_those_who_are_held_off() {
    let (limits, _) = limits(5, 0.001);
    for _ in 0..5 {
        limits.take(Action::Login, somebody(0)).expect("the burst");
    }

    let crowd = u32::try_from(SHARDS * BUCKETS * 2).expect("a small number");
    for number in 1..crowd {
        limits.take(Action::Login, somebody(number)).expect("everybody's first");
    }

    limits.take(Action::Login, somebody(0)).expect_err("still held off");
    let buckets = limits.buckets.as_ref().expect("limits are on");
    let kept: usize = buckets.shards.iter().map(|shard| shard.lock().expect("not poisoned").len()).sum();
    assert!(kept <= SHARDS * BUCKETS, "{kept}");
}

#[test]
fn nothing_is_limited_when_limits_are_off() {
    let off = Limits { enabled: false, ..Limits::default() };
    let limits = RateLimits::new(&off, Clock::default());

    for _ in 0..10_000 {
        limits.take(Action::Login, somebody(1)).expect("never refused");
    }
}
