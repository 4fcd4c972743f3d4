//! Who is typing.

use std::time::Duration;

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser};
use ruma::{OwnedUserId, RoomId};
use serde_json::json;

/// Who is typing, if that has changed after `since`.
async fn typing(server: &TestServer, room: &RoomId, since: u64) -> Option<Vec<OwnedUserId>> {
    let room = server.app.rooms.find(room).await.expect("the room can be read").expect("there is the room");
    server.app.typing.changed_since(room.nid, since)
}

async fn two_in_a_room(server: &TestServer) -> (TestUser, TestUser, ruma::OwnedRoomId) {
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    (alice, bob, room)
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_starts_and_stops() {
    let server = TestServer::start().await;
    let (alice, _, room) = two_in_a_room(&server).await;
    let before = server.app.typing.counter();

    alice.typing(&room, json!({ "typing": true, "timeout": 30_000 })).await;
    let started = server.app.typing.counter();
    assert_eq!(typing(&server, &room, before).await, Some(vec![alice.id.clone()]));
    assert_eq!(typing(&server, &room, started).await, None);

    alice.typing(&room, json!({ "typing": false })).await;
    assert_eq!(typing(&server, &room, started).await, Some(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_can_be_left_out() {
    let server = TestServer::start().await;
    let (alice, _, room) = two_in_a_room(&server).await;

    alice.typing(&room, json!({ "typing": true })).await;

    assert_eq!(typing(&server, &room, 0).await, Some(vec![alice.id.clone()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_that_ends_by_itself_wakes_those_in_the_room() {
    let server = TestServer::start().await;
    let (alice, bob, room) = two_in_a_room(&server).await;
    alice.typing(&room, json!({ "typing": true, "timeout": 30_000 })).await;
    let started = server.app.typing.counter();
    let bob = server.caller(&bob).await;
    let parked = server.app.tail.bus().park(bob.nid);

    server.app.clock.advance(Duration::from_secs(31));

    tokio::time::timeout(Duration::from_secs(10), parked.woken()).await.expect("bob is woken");
    assert_eq!(typing(&server, &room, started).await, Some(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_types_for_others_or_where_they_are_not() {
    let server = TestServer::start().await;
    let (alice, bob, room) = two_in_a_room(&server).await;
    let body = json!({ "typing": true, "timeout": 30_000 });

    let for_bob = alice.try_typing(&room, &bob, body.clone()).await;
    for_bob.expect_err("it is not bob who says so").assert_is(&ErrorKind::Forbidden);

    bob.leave(&room).await;
    let outside = bob.try_typing(&room, &bob, body).await;
    outside.expect_err("bob has left").assert_is(&ErrorKind::Forbidden);
    assert_eq!(typing(&server, &room, 0).await, None);
}
