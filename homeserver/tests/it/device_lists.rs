//! Who is told that somebody's devices or keys have changed.

use std::collections::BTreeSet;

use homeserver::{keys::device_lists, storage::numbers::UserNid};
use homeserver_testing::{TestServer, TestUser};

/// A sync token of this moment.
fn now(server: &TestServer) -> String {
    format!("s{}_0", server.app.tail.view().head().0)
}

fn set(users: &[&TestUser]) -> BTreeSet<String> {
    users.iter().map(|user| user.id.to_string()).collect()
}

async fn nid(server: &TestServer, user: &TestUser) -> UserNid {
    server.app.storage.find_user_nid(&user.id).await.expect("the database answers").expect("the user is known")
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_share_a_room_learn_of_new_keys_and_others_do_not() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let before = now(&server);

    bob.publish_device_keys().await;
    carol.publish_device_keys().await;

    let after = now(&server);
    assert_eq!(alice.key_changes(&before, &after).await, (set(&[&bob]), set(&[])));
    assert_eq!(bob.key_changes(&before, &after).await, (set(&[&bob]), set(&[])));
    assert_eq!(alice.key_changes(&after, &after).await, (set(&[]), set(&[])));
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_meet_or_part_are_told() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    let start = now(&server);

    bob.join(&room).await;
    let met = now(&server);
    let at_meeting = (alice.key_changes(&start, &met).await, bob.key_changes(&start, &met).await);
    bob.leave(&room).await;

    let end = now(&server);
    assert_eq!(at_meeting, ((set(&[&bob]), set(&[])), (set(&[&alice]), set(&[]))));
    assert_eq!(alice.key_changes(&met, &end).await, (set(&[]), set(&[&bob])));
    assert_eq!(bob.key_changes(&met, &end).await, (set(&[]), set(&[&alice])));
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_still_share_another_room_have_not_parted() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let [room, other] = [alice.create_public_room().await, alice.create_public_room().await];
    bob.join(&room).await;
    bob.join(&other).await;
    let before = now(&server);

    bob.leave(&room).await;

    assert_eq!(alice.key_changes(&before, &now(&server)).await, (set(&[]), set(&[])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_logs_out_is_news_and_leaves_no_keys() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    bob.publish_device_keys().await;
    let phone = bob.login().await;
    phone.publish_device_keys().await;
    phone.upload_one_time_keys(["A".to_owned()]).await;
    let before = now(&server);

    phone.post("/_matrix/client/v3/logout", serde_json::json!({})).await.expect("it can log out");

    assert_eq!(alice.key_changes(&before, &now(&server)).await, (set(&[&bob]), set(&[])));
    let devices = alice.query_keys(&bob.id).await["device_keys"][bob.id.as_str()].clone();
    let devices: Vec<_> = devices.as_object().expect("devices").keys().cloned().collect();
    assert_eq!(devices, [bob.device_id.as_str()]);
    assert_eq!(alice.claim_key(&phone).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_device_is_news_before_it_has_keys() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let before = now(&server);

    bob.login().await;
    let after = now(&server);
    bob.try_login(serde_json::json!({ "device_id": bob.device_id })).await.expect("the same device logs in again");

    assert_eq!(alice.key_changes(&before, &after).await, (set(&[&bob]), set(&[])));
    assert_eq!(alice.key_changes(&after, &now(&server)).await, (set(&[]), set(&[])));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_keys_are_no_news() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let signer = alice.publish_device_keys().await;
    let before = now(&server);

    let keys = serde_json::json!({ "device_keys": alice.device_keys(&signer) });
    alice.upload_keys(keys).await.expect("the same keys can be uploaded again");

    assert_eq!(now(&server), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn sharers_are_woken_where_their_rooms_are_known() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let (alice_nid, bob_nid) = (nid(&server, &alice).await, nid(&server, &bob).await);
    let tail = server.app.tail.clone();
    let since = tail.view().head();
    let parked = tail.bus().park(alice_nid);
    bob.publish_device_keys().await;

    let reached = device_lists::wake_sharers(&tail, since, |user| {
        assert_eq!(user, bob_nid);
        [alice_nid]
    });

    parked.woken().await;
    assert_eq!(reached, tail.view().head());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_sync_is_answered_when_a_sharer_has_new_keys() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let first = alice.get("/_matrix/client/v3/sync").await.expect("sync answers");
    let since = first["next_batch"].as_str().expect("a token");

    let path = format!("/_matrix/client/v3/sync?since={since}&timeout=30000");
    let (answer, _) = tokio::join!(alice.get(&path), bob.publish_device_keys());

    let answer = answer.expect("sync answers");
    assert_eq!(answer["device_lists"]["changed"], serde_json::json!([bob.id]));
}

#[tokio::test(flavor = "multi_thread")]
async fn cleaning_up_loses_no_change() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let before = now(&server);
    alice.publish_device_keys().await;
    alice.publish_device_keys().await;

    homeserver::keys::housekeeping::clean_up(&server.app.storage, &server.app.clock).await.expect("it is cleaned up");

    assert_eq!(alice.key_changes(&before, &now(&server)).await, (set(&[&alice]), set(&[])));
}
