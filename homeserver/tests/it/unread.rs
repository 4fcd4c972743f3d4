//! Unread counts.

use homeserver::unread::Counts;
use homeserver_testing::{TestServer, TestUser};
use ruma::{EventId, OwnedEventId, RoomId};
use serde_json::{Value, json};

/// What `reader` has not read in the room.
async fn counts(server: &TestServer, reader: &TestUser, room: &RoomId) -> Counts {
    let room = server.app.rooms.find(room).await.expect("the room can be read").expect("there is the room");
    let reader = server.caller(reader).await;
    let head = server.app.tail.view().head();
    server.app.unread.counts(&reader, &room, head).await.expect("there is an answer")
}

/// Notifications and highlights, threads included.
async fn total(server: &TestServer, reader: &TestUser, room: &RoomId) -> (u64, u64) {
    counts(server, reader, room).await.total()
}

/// Alice and Bob in a room with a third person, so that it is no one-to-one room.
async fn room_of_three(server: &TestServer) -> (TestUser, TestUser, ruma::OwnedRoomId) {
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    carol.join(&room).await;
    (alice, bob, room)
}

async fn relate(user: &TestUser, room: &RoomId, kind: &str, rel_type: &str, to: &EventId, body: &str) -> OwnedEventId {
    let relation = json!({ "rel_type": rel_type, "event_id": to, "key": "test" });
    user.send_event(room, kind, json!({ "msgtype": "m.text", "body": body, "m.relates_to": relation })).await
}

async fn mention(user: &TestUser, room: &RoomId, mentions: Value) -> OwnedEventId {
    let content = json!({ "msgtype": "m.text", "body": "you!", "m.mentions": mentions });
    user.send_event(room, "m.room.message", content).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_say_is_unread_until_it_is_read() {
    let server = TestServer::start().await;
    let (alice, bob, room) = room_of_three(&server).await;
    assert_eq!(total(&server, &bob, &room).await, (0, 0));

    alice.say(&room, "one").await;
    let two = alice.say(&room, "two").await;
    assert_eq!(total(&server, &bob, &room).await, (2, 0));
    assert_eq!(total(&server, &alice, &room).await, (0, 0));

    alice.say(&room, "three").await;
    bob.read(&room, &two).await;
    assert_eq!(total(&server, &bob, &room).await, (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_receipt_counts_as_well_and_the_one_ahead_wins() {
    let server = TestServer::start().await;
    let (alice, bob, room) = room_of_three(&server).await;
    let [one, two] = [alice.say(&room, "one").await, alice.say(&room, "two").await];

    bob.try_receipt(&room, "m.read.private", &two, json!({})).await.expect("the receipt can be sent");
    bob.read(&room, &one).await;

    assert_eq!(total(&server, &bob, &room).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_answers_has_read_what_came_before() {
    let server = TestServer::start().await;
    let (alice, bob, room) = room_of_three(&server).await;
    alice.say(&room, "one").await;

    bob.say(&room, "two").await;
    alice.say(&room, "three").await;

    assert_eq!(total(&server, &bob, &room).await, (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_in_has_nothing_to_catch_up_on() {
    let server = TestServer::start().await;
    let (alice, bob, room) = room_of_three(&server).await;
    alice.say(&room, "one").await;
    bob.leave(&room).await;
    alice.say(&room, "two").await;

    bob.join(&room).await;

    assert_eq!(total(&server, &bob, &room).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn mentions_are_highlighted() {
    let server = TestServer::start().await;
    let (alice, bob, room) = room_of_three(&server).await;

    mention(&alice, &room, json!({ "user_ids": [bob.id] })).await;
    assert_eq!(total(&server, &bob, &room).await, (1, 1));

    mention(&alice, &room, json!({ "room": true })).await;
    assert_eq!(total(&server, &bob, &room).await, (2, 2));

    alice.say(&room, &format!("an old client greets {}", bob.id)).await;
    assert_eq!(total(&server, &bob, &room).await, (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_with_the_power_mention_the_whole_room() {
    let server = TestServer::start().await;
    let (alice, bob, room) = room_of_three(&server).await;

    mention(&bob, &room, json!({ "room": true })).await;

    assert_eq!(total(&server, &alice, &room).await, (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn reactions_notices_edits_and_redacted_events_are_not_counted() {
    let server = TestServer::start().await;
    let (alice, bob, room) = room_of_three(&server).await;
    let said = alice.say(&room, "one").await;
    bob.read(&room, &said).await;

    relate(&alice, &room, "m.reaction", "m.annotation", &said, "").await;
    relate(&alice, &room, "m.room.message", "m.replace", &said, "two").await;
    alice.send_event(&room, "m.room.message", json!({ "msgtype": "m.notice", "body": "three" })).await;
    let taken_back = alice.say(&room, "four").await;
    assert_eq!(total(&server, &bob, &room).await, (1, 0));
    alice.redact(&room, &taken_back).await;

    assert_eq!(total(&server, &bob, &room).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ignored_users_say_is_not_counted() {
    let server = TestServer::start().await;
    let (alice, bob, room) = room_of_three(&server).await;
    assert_eq!(total(&server, &bob, &room).await, (0, 0));
    let path = format!("/_matrix/client/v3/user/{}/account_data/m.ignored_user_list", bob.id);

    let list = json!({ "ignored_users": { alice.id.as_str(): {} } });
    bob.put(&path, list).await.expect("the list can be set");
    alice.say(&room, "one").await;

    assert_eq!(total(&server, &bob, &room).await, (0, 0));
}

/// A, then in its thread B and C (a mention); D (a mention); in the thread E; F refers to A, and G is
/// a reaction to F.
#[tokio::test(flavor = "multi_thread")]
async fn threads_are_counted_and_read_apart() {
    let server = TestServer::start().await;
    let (alice, bob, room) = room_of_three(&server).await;
    let a = alice.say(&room, "A").await;
    let b = relate(&alice, &room, "m.room.message", "m.thread", &a, "B").await;
    relate(&alice, &room, "m.room.message", "m.thread", &a, &format!("C {}", bob.id)).await;
    let d = alice.say(&room, &format!("D {}", bob.id)).await;
    relate(&alice, &room, "m.room.message", "m.thread", &a, "E").await;
    let f = relate(&alice, &room, "m.room.message", "m.reference", &a, "F").await;
    let g = relate(&alice, &room, "m.room.reaction", "m.annotation", &f, "G").await;
    let check = async |main: (u64, u64), thread: Option<(u64, u64)>| {
        let counts = counts(&server, &bob, &room).await;
        assert_eq!((counts.notifications, counts.highlights), main);
        assert_eq!(counts.threads.get(&a).copied(), thread);
    };
    check((3, 1), Some((3, 1))).await;

    bob.read_thread(&room, &a, "main").await;
    check((2, 1), Some((3, 1))).await;

    bob.read_thread(&room, &b, a.as_str()).await;
    check((2, 1), Some((2, 1))).await;

    bob.read(&room, &d).await;
    check((1, 0), Some((1, 0))).await;

    bob.read_thread(&room, &g, a.as_str()).await;
    check((1, 0), None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_the_same_after_a_restart() {
    let server = TestServer::start().await;
    let (alice, bob, room) = room_of_three(&server).await;
    for number in 0..40 {
        alice.say(&room, &number.to_string()).await;
    }
    let root = alice.say(&room, "a root").await;
    relate(&alice, &room, "m.room.message", "m.thread", &root, "a reply").await;
    let seen = counts(&server, &bob, &room).await;
    assert_eq!(seen.total(), (42, 0));

    let server = server.restart().await;

    assert_eq!(counts(&server, &bob, &room).await, seen);
    // The same, though this server never counted for Alice before.
    assert_eq!(total(&server, &alice, &room).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_is_counted_only_as_far_as_anybody_cares() {
    let server = TestServer::start().await;
    let (alice, bob, room) = room_of_three(&server).await;
    for _ in 0..11 {
        let messages = (0..100).map(|number| {
            let (alice, room) = (alice.clone(), room.clone());
            async move { alice.say(&room, &format!("message {number}")).await }
        });
        futures_util::future::join_all(messages).await;
    }

    let server = server.restart().await;

    assert_eq!(total(&server, &bob, &room).await, (1000, 0));
}
