//! Keys of devices: publishing, querying, claiming.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use homeserver::{error::ErrorKind, storage::numbers::UserNid};
use homeserver_testing::{Signer, TestServer, TestUser};
use ruma::OneTimeKeyAlgorithm;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn published_device_keys_are_found_by_others() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let signer = Signer::device(&alice.device_id);
    let keys = alice.device_keys(&signer);

    alice.upload_keys(json!({ "device_keys": keys })).await.expect("the keys can be uploaded");

    let mut found = bob.query_keys(&alice.id).await["device_keys"][alice.id.as_str()][alice.device_id.as_str()].clone();
    assert_eq!(found.as_object_mut().expect("the device has keys").remove("unsigned"), Some(json!({})));
    assert_eq!(found, keys);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_a_device_is_told_with_its_keys_whatever_it_says_itself() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let name = json!({ "device_id": "PHONE", "initial_device_display_name": "Alice's phone" });
    let login = alice.try_login(name).await.expect("the password is right");
    let phone = alice.with_session("PHONE", login["access_token"].as_str().expect("an access token"));
    let mut keys = phone.device_keys(&Signer::device(&phone.device_id));
    keys["unsigned"] = json!({ "device_display_name": "Pretended" });

    phone.upload_keys(json!({ "device_keys": keys })).await.expect("the keys can be uploaded");

    let found = &bob.query_keys(&alice.id).await["device_keys"][alice.id.as_str()]["PHONE"];
    assert_eq!(found["unsigned"], json!({ "device_display_name": "Alice's phone" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_wanted_devices_of_known_users_are_told() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    alice.publish_device_keys().await;

    let body = json!({ "device_keys": {
        alice.id.as_str(): ["ANOTHER"],
        bob.id.as_str(): [],
        "@nobody:test.local": [],
        "@carol:far.test": [],
    } });
    let answer = bob.post("/_matrix/client/v3/keys/query", body).await.expect("keys can be queried");

    assert_eq!(answer["device_keys"], json!({ alice.id.as_str(): {}, bob.id.as_str(): {} }));
    assert!(answer["failures"]["far.test"].is_object(), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_keys_and_keys_of_others_are_refused() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let signer = Signer::device(&bob.device_id);
    let others_keys = bob.device_keys(&signer);
    let incomplete = json!({ "user_id": alice.id, "device_id": alice.device_id });
    let mut deep = json!({});
    for _ in 0..200 {
        deep = json!({ "deeper": deep });
    }

    let others = alice.upload_keys(json!({ "device_keys": others_keys })).await;
    let incomplete = alice.upload_keys(json!({ "device_keys": incomplete })).await;
    let deep = alice.upload_keys(json!({ "device_keys": deep })).await;
    let float = alice.upload_keys(json!({ "one_time_keys": { "signed_curve25519:A": { "key": 1.5 } } })).await;
    let number = alice.upload_keys(json!({ "one_time_keys": { "signed_curve25519:A": 1 } })).await;
    let long_id = format!("signed_curve25519:{}", "A".repeat(256));
    let long_id = alice.upload_keys(json!({ "one_time_keys": { long_id: { "key": "A" } } })).await;

    others.expect_err("they are bob's").assert_is(&ErrorKind::InvalidParam);
    incomplete.expect_err("they lack keys").assert_is(&ErrorKind::BadJson);
    deep.expect_err("nobody could parse that").assert_is(&ErrorKind::BadJson);
    float.expect_err("floats are not canonical").assert_is(&ErrorKind::BadJson);
    number.expect_err("a number is no key").assert_is(&ErrorKind::BadJson);
    long_id.expect_err("the ID is too long").assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn device_keys_with_a_wrong_signature_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let mut keys = alice.device_keys(&Signer::device(&alice.device_id));
    keys["algorithms"] = json!(["m.olm.v1.curve25519-aes-sha2"]);

    let refusal = alice.upload_keys(json!({ "device_keys": keys })).await.expect_err("the signature is wrong");

    assert_eq!(refusal.body["errcode"], "M_INVALID_SIGNATURE", "{refusal:?}");
    assert_eq!(alice.query_keys(&alice.id).await["device_keys"][alice.id.as_str()], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_time_key_is_given_to_one_of_twenty_who_claim_at_the_same_time() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    alice.upload_one_time_keys((0..15).map(|id| id.to_string())).await;

    let claimed = futures_util::future::join_all((0..20).map(|_| bob.claim_key(&alice))).await;

    let keys: Vec<String> = claimed.into_iter().flatten().map(|(id, _)| id).collect();
    assert_eq!(keys.len(), 15);
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 15, "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_never_give_out_the_same_key() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let second = server.another_process().await;
    alice.upload_one_time_keys((0..10).map(|id| id.to_string())).await;
    let wanted = BTreeMap::from([(alice.device_id.clone(), OneTimeKeyAlgorithm::SignedCurve25519)]);
    let wanted = BTreeMap::from([(alice.id.clone(), wanted)]);

    let by_first = futures_util::future::join_all((0..8).map(|_| bob.claim_key(&alice)));
    let by_second = futures_util::future::join_all((0..8).map(|_| second.keys.claim_local(wanted.clone())));
    let (by_first, by_second) = tokio::join!(by_first, by_second);

    let mut keys: Vec<String> = by_first.into_iter().flatten().map(|(id, _)| id).collect();
    for claimed in by_second {
        let claimed = claimed.expect("keys can be claimed");
        keys.extend(claimed.values().flat_map(BTreeMap::values).flat_map(BTreeMap::keys).map(ToString::to_string));
    }
    assert_eq!(keys.len(), 10);
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 10, "{keys:?}");
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_time_keys_are_given_out_in_the_order_of_their_uploads() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    alice.upload_one_time_keys(["B".to_owned()]).await;
    server.app.clock.advance(Duration::from_secs(1));
    alice.upload_one_time_keys(["A".to_owned()]).await;

    let first = bob.claim_key(&alice).await;
    let second = bob.claim_key(&alice).await;
    let third = bob.claim_key(&alice).await;

    assert_eq!(first, Some(("signed_curve25519:B".to_owned(), json!({ "key": "B" }))));
    assert_eq!(second, Some(("signed_curve25519:A".to_owned(), json!({ "key": "A" }))));
    assert_eq!(third, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_upload_adds_nothing_and_brings_nothing_back() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let ids = || ["A", "B", "C"].map(ToOwned::to_owned);
    alice.upload_one_time_keys(ids()).await;

    let repeated = alice.upload_one_time_keys(ids()).await;
    bob.claim_key(&alice).await.expect("there are keys");
    let repeated_later = alice.upload_one_time_keys(ids()).await;

    assert_eq!(repeated["one_time_key_counts"], json!({ "signed_curve25519": 3 }));
    assert_eq!(repeated_later["one_time_key_counts"], json!({ "signed_curve25519": 2 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_with_the_same_id_is_refused_until_the_first_is_claimed() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    alice.upload_one_time_keys(["A".to_owned()]).await;
    let other = json!({ "one_time_keys": { "signed_curve25519:A": { "key": "other" } } });

    let refusal = alice.upload_keys(other.clone()).await.expect_err("the ID is taken");
    bob.claim_key(&alice).await.expect("there is a key");
    alice.upload_keys(other).await.expect("the ID is free again");

    refusal.assert_is(&ErrorKind::InvalidParam);
    assert_eq!(bob.claim_key(&alice).await, Some(("signed_curve25519:A".to_owned(), json!({ "key": "other" }))));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fallback_key_is_given_out_when_no_other_is_left() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let unused =
        || async { server.app.keys.unused_fallback_key_types(nid(&server, &alice).await, &alice.device_id).await };
    let fallback =
        |id: &str| json!({ "fallback_keys": { format!("signed_curve25519:{id}"): { "key": id, "fallback": true } } });
    alice.upload_one_time_keys(["A".to_owned()]).await;
    alice.upload_keys(fallback("F")).await.expect("the key can be uploaded");
    assert_eq!(unused().await.expect("it is known").len(), 1);

    let claimed = [bob.claim_key(&alice).await, bob.claim_key(&alice).await, bob.claim_key(&alice).await];
    let unused_then = unused().await.expect("it is known");
    alice.upload_keys(fallback("F")).await.expect("the same key can be uploaded again");
    let unused_after_repetition = unused().await.expect("it is known");
    alice.upload_keys(fallback("G")).await.expect("another key can be uploaded");

    let ids: Vec<_> = claimed.iter().flatten().map(|(id, _)| &**id).collect();
    assert_eq!(ids, ["signed_curve25519:A", "signed_curve25519:F", "signed_curve25519:F"]);
    assert!(unused_then.is_empty());
    assert!(unused_after_repetition.is_empty());
    assert_eq!(unused().await.expect("it is known").len(), 1);
    assert_eq!(bob.claim_key(&alice).await.expect("there is a fallback key").0, "signed_curve25519:G");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_fallback_keys_of_one_algorithm_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let keys = json!({ "signed_curve25519:A": { "key": "A" }, "signed_curve25519:B": { "key": "B" } });
    let refusal = alice.upload_keys(json!({ "fallback_keys": keys })).await.expect_err("there can be one");

    refusal.assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_cannot_hoard_one_time_keys() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    alice.upload_one_time_keys((0..1000).map(|id| id.to_string())).await;

    let one_more = json!({ "one_time_keys": { "signed_curve25519:more": { "key": "A" } } });
    let refusal = alice.upload_keys(one_more).await.expect_err("there are enough");

    refusal.assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_learns_from_sync_what_it_has_left() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let sync = async || alice.get("/_matrix/client/v3/sync?since=s0_0").await.expect("sync answers");
    alice.upload_one_time_keys(["A".to_owned()]).await;
    let fallback = json!({ "fallback_keys": { "signed_curve25519:F": { "key": "F", "fallback": true } } });
    alice.upload_keys(fallback).await.expect("the key can be uploaded");

    let before = sync().await;
    bob.claim_key(&alice).await.expect("there is a key");
    bob.claim_key(&alice).await.expect("there is a fallback key");
    let after = sync().await;

    assert_eq!(before["device_one_time_keys_count"], json!({ "signed_curve25519": 1 }));
    assert_eq!(before["device_unused_fallback_key_types"], json!(["signed_curve25519"]));
    assert_eq!(after["device_one_time_keys_count"], json!({ "signed_curve25519": 0 }));
    assert_eq!(after["device_unused_fallback_key_types"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_keys_is_told_from_memory_and_is_right() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let user = nid(&server, &alice).await;
    alice.upload_one_time_keys(["A", "B"].map(ToOwned::to_owned)).await;
    let before = server.app.keys.one_time_key_counts(user, &alice.device_id).await.expect("they are counted");
    bob.claim_key(&alice).await.expect("there are keys");
    let after = server.app.keys.one_time_key_counts(user, &alice.device_id).await.expect("they are counted");

    server.app.storage.close().await;

    let remembered = server.app.keys.one_time_key_counts(user, &alice.device_id).await.expect("they are in memory");
    assert_eq!(json!(before), json!({ "signed_curve25519": 2 }));
    assert_eq!(json!(after), json!({ "signed_curve25519": 1 }));
    assert_eq!(remembered, after);
}

async fn nid(server: &TestServer, user: &TestUser) -> UserNid {
    server.app.storage.find_user_nid(&user.id).await.expect("the database answers").expect("the user is known")
}
