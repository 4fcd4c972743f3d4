//! Those who read together, and those who fail or leave.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use futures_util::future::join_all;
use tokio::{sync::Notify, task::yield_now};

use super::*;

/// Answers each key doubled.
fn doubled(keys: Vec<u64>) -> HashMap<u64, u64> {
    keys.into_iter().map(|key| (key, 2 * key)).collect()
}

#[tokio::test]
async fn those_who_ask_meanwhile_are_read_for_together() {
    let together = Together::default();
    let reads = AtomicUsize::new(0);
    let read = async |keys| {
        reads.fetch_add(1, Ordering::Relaxed);
        yield_now().await;
        Ok(doubled(keys))
    };

    let values = join_all((0..200).map(|key| together.get(key % 100, &read))).await;

    let values: Vec<u64> = values.into_iter().map(|value| value.expect("reading succeeds")).collect();
    assert_eq!(values, (0..200).map(|key| key % 100 * 2).collect::<Vec<_>>());
    assert_eq!(reads.into_inner(), READS + 1);
}

#[tokio::test]
async fn one_who_fails_or_leaves_harms_nobody_else() {
    let together = Together::default();
    let started = Notify::new();
    let hangs = async |_| {
        started.notify_one();
        std::future::pending::<Result<HashMap<u64, u64>>>().await
    };
    let fails = async |_| Err(Error::internal("the database is away"));
    let reads = async |keys| Ok(doubled(keys));

    // All permits are taken by one who never ends; those behind it are taken along by one who fails.
    let outcome = {
        let mut first: Vec<_> = (0..READS as u64).map(|key| Box::pin(together.get(key, &hangs))).collect();
        let (mut second, mut third) = (Box::pin(together.get(8, &fails)), Box::pin(together.get(9, &reads)));
        for hanging in &mut first {
            tokio::select! {
                biased;
                _ = hanging => unreachable!("it hangs"),
                () = started.notified() => {}
            }
        }
        assert!(futures_util::poll!(&mut second).is_pending() && futures_util::poll!(&mut third).is_pending());
        drop(first);
        (second.await, third.await)
    };

    assert!(outcome.0.is_err());
    assert_eq!(outcome.1.expect("it reads alone"), 18);
}
