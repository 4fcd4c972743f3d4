//! Who is there.

use std::time::Duration;

use homeserver::{ephemeral::presence::person::State, error::ErrorKind};
use homeserver_testing::{Answer, TestServer, TestUser, segment};
use ruma::presence::PresenceState;
use serde_json::{Value, json};

async fn status(reader: &TestUser, of: &TestUser) -> Answer<Value> {
    reader.get(&format!("/_matrix/client/v3/presence/{}/status", segment(of.id.as_str()))).await
}

async fn try_set(user: &TestUser, of: &TestUser, body: Value) -> Answer<Value> {
    user.put(&format!("/_matrix/client/v3/presence/{}/status", segment(of.id.as_str())), body).await
}

async fn set(user: &TestUser, body: Value) {
    try_set(user, user, body).await.expect("presence can be set");
}

async fn two_in_a_room(server: &TestServer) -> (TestUser, TestUser) {
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    (alice, bob)
}

/// The states of all that have changed since `since`.
fn changed(server: &TestServer, since: u64) -> Vec<(String, State)> {
    let changed = server.app.presence.changed_since(since, |_| true);
    changed.into_iter().map(|seen| (seen.user_id.to_string(), seen.state)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_say_of_themselves_is_seen_by_those_who_share_a_room() {
    let server = TestServer::start().await;
    let (alice, bob) = two_in_a_room(&server).await;
    let before = server.app.presence.counter();

    set(&alice, json!({ "presence": "online", "status_msg": "Testing" })).await;

    let seen = status(&bob, &alice).await.expect("bob may see alice");
    assert_eq!(seen["presence"], "online");
    assert_eq!(seen["status_msg"], "Testing");
    assert_eq!(seen["currently_active"], true);
    assert!(seen["last_active_ago"].is_number());
    assert_eq!(changed(&server, before), [(alice.id.to_string(), State::Online)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_see_nothing() {
    let server = TestServer::start().await;
    let (alice, _) = two_in_a_room(&server).await;
    let carol = server.user("carol").await;

    status(&carol, &alice).await.expect_err("they are strangers").assert_is(&ErrorKind::Forbidden);
    assert_eq!(status(&carol, &carol).await.expect("carol may see herself")["presence"], "offline");
    let nobody = carol.get("/_matrix/client/v3/presence/%40nobody%3Atest.local/status").await;
    nobody.expect_err("there is nobody").assert_is(&ErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_is_set_by_oneself_and_to_a_state_that_exists() {
    let server = TestServer::start().await;
    let (alice, bob) = two_in_a_room(&server).await;

    let other = try_set(&alice, &bob, json!({ "presence": "online" })).await;
    other.expect_err("alice is not bob").assert_is(&ErrorKind::Forbidden);
    let unknown = try_set(&alice, &alice, json!({ "presence": "asleep" })).await;
    unknown.expect_err("there is no such state").assert_is(&ErrorKind::InvalidParam);
    let long = try_set(&alice, &alice, json!({ "presence": "online", "status_msg": "x".repeat(5000) })).await;
    long.expect_err("it is too long").assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_syncs_no_more_goes_offline_and_those_who_wait_are_told() {
    let server = TestServer::start().await;
    let (alice, bob) = two_in_a_room(&server).await;
    set(&alice, json!({ "presence": "online" })).await;
    let before = server.app.presence.counter();
    let bob = server.caller(&bob).await;
    let parked = server.app.tail.bus().park(bob.nid);

    server.app.clock.advance(Duration::from_secs(61));

    // He may be woken for her coming, too.
    while changed(&server, before).is_empty() {
        tokio::time::timeout(Duration::from_secs(10), parked.woken()).await.expect("bob is woken");
    }
    assert_eq!(changed(&server, before), [(alice.id.to_string(), State::Offline)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_says_what_its_person_is() {
    let server = TestServer::start().await;
    let (alice, bob) = two_in_a_room(&server).await;
    let [of_alice, of_bob] = [server.caller(&alice).await, server.caller(&bob).await];
    let parked = server.app.tail.bus().park(of_bob.nid);

    server.app.presence.touch(&of_alice, &PresenceState::Unavailable);
    tokio::time::timeout(Duration::from_secs(10), parked.woken()).await.expect("bob is woken");
    assert_eq!(status(&bob, &alice).await.expect("bob may see alice")["presence"], "unavailable");

    server.app.presence.touch(&of_alice, &PresenceState::Online);
    assert_eq!(status(&bob, &alice).await.expect("bob may see alice")["presence"], "online");

    server.app.presence.touch(&of_bob, &PresenceState::Offline);
    assert_eq!(status(&alice, &bob).await.expect("alice may see bob")["presence"], "offline");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_outlives_a_restart_and_hiding_does_too() {
    let server = TestServer::start().await;
    let (alice, bob) = two_in_a_room(&server).await;
    set(&alice, json!({ "presence": "offline", "status_msg": "gone fishing" })).await;

    let server = server.restart().await;
    let (alice, bob) = (alice.at(&server), bob.at(&server));
    let seen = status(&bob, &alice).await.expect("bob may see alice");
    assert_eq!(seen["status_msg"], "gone fishing");
    let of_alice = server.caller(&alice).await;
    server.app.presence.touch(&of_alice, &PresenceState::Online);

    assert_eq!(status(&bob, &alice).await.expect("bob may see alice")["presence"], "offline");
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_can_be_switched_off() {
    let server = TestServer::start_with(|config| config.presence.enabled = false).await;
    let (alice, bob) = two_in_a_room(&server).await;

    set(&alice, json!({ "presence": "online", "status_msg": "here" })).await;

    assert_eq!(status(&bob, &alice).await.expect("bob may see alice"), json!({ "presence": "offline" }));
    assert_eq!(changed(&server, 0), []);
}
