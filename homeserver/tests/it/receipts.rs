//! Receipts and fully-read markers.

use homeserver::{error::ErrorKind, storage::numbers::Position};
use homeserver_testing::{TestServer, TestUser, segment};
use ruma::{EventId, OwnedEventId, RoomId, event_id};
use serde_json::{Value, json};

/// What `reader`, who comes anew, is told of the room's receipts.
async fn receipts(room: &RoomId, reader: &TestUser) -> Value {
    let news = reader.get("/_matrix/client/v3/sync").await.expect("it can be asked");
    let events = news["rooms"]["join"][room.as_str()]["ephemeral"]["events"].as_array().cloned().unwrap_or_default();
    let receipts = events.into_iter().find(|event| event["type"] == "m.receipt");
    receipts.map_or_else(|| json!({}), |event| event["content"].clone())
}

async fn fully_read(user: &TestUser, room: &RoomId) -> Value {
    let (id, room) = (segment(user.id.as_str()), segment(room.as_str()));
    let path = format!("/_matrix/client/v3/user/{id}/rooms/{room}/account_data/m.fully_read");
    user.get(&path).await.expect("there is a marker")["event_id"].clone()
}

async fn reply_in_thread(user: &TestUser, room: &RoomId, root: &EventId) -> OwnedEventId {
    let relation = json!({ "rel_type": "m.thread", "event_id": root });
    let content = json!({ "msgtype": "m.text", "body": "in the thread", "m.relates_to": relation });
    user.send_event(room, "m.room.message", content).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_seen_by_everybody_and_a_private_one_by_nobody_else() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let [one, two] = [alice.say(&room, "one").await, alice.say(&room, "two").await];

    bob.read(&room, &one).await;
    bob.try_receipt(&room, "m.read.private", &two, json!({})).await.expect("the receipt can be sent");

    let of_alice = receipts(&room, &alice).await;
    assert!(of_alice[one.as_str()]["m.read"][bob.id.as_str()]["ts"].is_number(), "{of_alice}");
    assert!(of_alice.get(two.as_str()).is_none(), "{of_alice}");
    let of_bob = receipts(&room, &bob).await;
    assert!(of_bob[two.as_str()]["m.read.private"][bob.id.as_str()]["ts"].is_number(), "{of_bob}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_never_goes_back() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let [one, two] = [alice.say(&room, "one").await, alice.say(&room, "two").await];

    alice.read(&room, &two).await;
    let position = server.app.tail.view().head();
    alice.read(&room, &one).await;
    alice.read(&room, &two).await;

    assert_eq!(server.app.tail.view().head(), position);
    let told = receipts(&room, &alice).await;
    assert!(told.get(one.as_str()).is_none(), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_receipt_wakes_nobody_else() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let said = alice.say(&room, "hello").await;
    let [of_alice, of_bob] = [server.caller(&alice).await, server.caller(&bob).await];
    let bus = server.app.tail.bus();
    let [parked_alice, parked_bob] = [bus.park(of_alice.nid), bus.park(of_bob.nid)];

    bob.try_receipt(&room, "m.read.private", &said, json!({})).await.expect("the receipt can be sent");

    tokio::time::timeout(std::time::Duration::from_secs(10), parked_bob.woken()).await.expect("bob is woken");
    let woken = tokio::time::timeout(std::time::Duration::ZERO, parked_alice.woken()).await;
    assert!(woken.is_err(), "alice is not woken");
}

#[tokio::test(flavor = "multi_thread")]
async fn read_markers_are_set_together() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let [one, two] = [alice.say(&room, "one").await, alice.say(&room, "two").await];
    let path = format!("/_matrix/client/v3/rooms/{}/read_markers", segment(room.as_str()));

    let body = json!({ "m.fully_read": one, "m.read": two, "m.read.private": two });
    alice.post(&path, body).await.expect("the markers can be set");

    assert_eq!(fully_read(&alice, &room).await, one.as_str());
    let told = receipts(&room, &alice).await;
    assert!(told[two.as_str()]["m.read"][alice.id.as_str()].is_object(), "{told}");
    assert!(told[two.as_str()]["m.read.private"][alice.id.as_str()].is_object(), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fully_read_marker_never_goes_back() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let [one, two] = [alice.say(&room, "one").await, alice.say(&room, "two").await];

    for event in [&one, &two, &one] {
        alice.try_receipt(&room, "m.fully_read", event, json!({})).await.expect("the marker can be set");
    }

    assert_eq!(fully_read(&alice, &room).await, two.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_threaded_receipt_points_into_its_thread() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let root = alice.say(&room, "the root").await;
    let reply = reply_in_thread(&alice, &room, &root).await;
    let other = alice.say(&room, "something else").await;
    let reaction = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": reply, "key": "+" } });
    let reaction = alice.send_event(&room, "m.reaction", reaction).await;

    for event in [&root, &reply, &reaction] {
        alice.read_thread(&room, event, root.as_str()).await;
    }
    alice.read_thread(&room, &other, "main").await;

    for (event, thread) in [(&other, root.as_str()), (&reply, "main"), (&reply, other.as_str())] {
        let refused = alice.try_receipt(&room, "m.read", event, json!({ "thread_id": thread })).await;
        refused.expect_err("they do not belong together").assert_is(&ErrorKind::InvalidParam);
    }
    let told = receipts(&room, &alice).await;
    assert_eq!(told[reaction.as_str()]["m.read"][alice.id.as_str()]["thread_id"], root.as_str());
    assert_eq!(told[other.as_str()]["m.read"][alice.id.as_str()]["thread_id"], "main");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_receipts_are_refused() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room().await;
    let said = alice.say(&room, "hello").await;

    for thread in [json!(""), json!(7), json!("no event ID"), json!(null)] {
        let refused = alice.try_receipt(&room, "m.read", &said, json!({ "thread_id": thread })).await;
        refused.expect_err("there is no such thread").assert_is(&ErrorKind::InvalidParam);
    }
    let fully_read = alice.try_receipt(&room, "m.fully_read", &said, json!({ "thread_id": "main" })).await;
    fully_read.expect_err("it has no threads").assert_is(&ErrorKind::InvalidParam);
    let kind = alice.try_receipt(&room, "m.unread", &said, json!({})).await;
    kind.expect_err("there is no such type").assert_is(&ErrorKind::InvalidParam);
    let unknown = alice.try_receipt(&room, "m.read", event_id!("$unknown"), json!({})).await;
    unknown.expect_err("there is no such event").assert_is(&ErrorKind::NotFound);
    let outside = bob.try_receipt(&room, "m.read", &said, json!({})).await;
    outside.expect_err("bob is not in the room").assert_is(&ErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_of_another_room_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let [room, elsewhere] = [alice.create_room().await, alice.create_room().await];
    let said = alice.say(&elsewhere, "elsewhere").await;

    let refused = alice.try_receipt(&room, "m.read", &said, json!({})).await;

    refused.expect_err("the event is elsewhere").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_can_be_read_since_a_position() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let said = alice.say(&room, "hello").await;
    let nid = server.app.rooms.find(&room).await.expect("it can be read").expect("there is the room").nid;
    let reader = server.caller(&alice).await.nid;
    alice.read(&room, &said).await;
    let since = server.app.tail.view().head();

    bob.read(&room, &said).await;

    let new = server.app.receipts.since(nid, reader, since).await.expect("there is an answer");
    assert_eq!(new.iter().map(|receipt| &receipt.user_id).collect::<Vec<_>>(), [&bob.id]);
    let all = server.app.receipts.since(nid, reader, Position::ZERO).await.expect("there is an answer");
    assert_eq!(all.len(), 2);
}
