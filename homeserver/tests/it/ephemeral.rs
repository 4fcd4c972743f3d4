//! What of receipts, typing, presence and unread counts comes down `/sync`.

use std::time::Duration;

use homeserver_testing::{TestServer, TestUser, segment};
use ruma::{OwnedRoomId, RoomId};
use serde_json::{Value, json};

async fn sync(user: &TestUser, query: &str) -> Value {
    user.get(&format!("/_matrix/client/v3/sync?{query}")).await.expect("sync answers")
}

fn token(answer: &Value) -> String {
    answer["next_batch"].as_str().expect("a token").to_owned()
}

/// Syncs from `since` on until `wanted` is told.
async fn sync_until<T>(user: &TestUser, since: &str, wanted: impl Fn(&Value) -> Option<T>) -> T {
    let mut since = since.to_owned();
    let search = async {
        loop {
            let answer = sync(user, &format!("since={since}&timeout=10000")).await;
            if let Some(found) = wanted(&answer) {
                return found;
            }
            since = token(&answer);
        }
    };
    tokio::time::timeout(Duration::from_secs(20), search).await.expect("it is told in time")
}

/// The content of an ephemeral event of the room.
fn ephemeral(answer: &Value, room: &RoomId, kind: &str) -> Option<Value> {
    let events = answer["rooms"]["join"][room.as_str()]["ephemeral"]["events"].as_array()?;
    let event = events.iter().find(|event| event["type"] == kind)?;
    assert!(event.get("room_id").is_none(), "{event}");
    Some(event["content"].clone())
}

/// The presence that is told of a user.
fn presence(answer: &Value, of: &TestUser) -> Option<Value> {
    let events = answer["presence"]["events"].as_array()?;
    events.iter().find(|event| event["sender"] == of.id.as_str()).map(|event| event["content"].clone())
}

async fn two_in_a_room(server: &TestServer) -> (TestUser, TestUser, OwnedRoomId) {
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    (alice, bob, room)
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_is_told_to_those_in_the_room_until_it_stops() {
    let server = TestServer::start().await;
    let (alice, bob, room) = two_in_a_room(&server).await;
    let carol = server.user("carol").await;
    let [of_bob, of_carol] = [token(&sync(&bob, "").await), token(&sync(&carol, "").await)];

    alice.typing(&room, json!({ "typing": true, "timeout": 30_000 })).await;
    let typing = sync_until(&bob, &of_bob, |answer| ephemeral(answer, &room, "m.typing")).await;
    assert_eq!(typing, json!({ "user_ids": [alice.id] }));
    assert!(ephemeral(&sync(&bob, "").await, &room, "m.typing").is_some());

    alice.typing(&room, json!({ "typing": false })).await;
    let typing = sync_until(&bob, &of_bob, |answer| ephemeral(answer, &room, "m.typing")).await;
    assert_eq!(typing, json!({ "user_ids": [] }));

    let answer = sync(&carol, &format!("since={of_carol}")).await;
    assert!(answer["rooms"]["join"].get(room.as_str()).is_none(), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_told_to_those_who_have_a_token_and_to_those_who_have_none() {
    let server = TestServer::start().await;
    let (alice, bob, room) = two_in_a_room(&server).await;
    let said = alice.say(&room, "hello").await;
    let since = token(&sync(&alice, "").await);

    bob.read(&room, &said).await;

    let expected = |content: &Value| content[said.as_str()]["m.read"][bob.id.as_str()]["ts"].is_number();
    let content = sync_until(&alice, &since, |answer| ephemeral(answer, &room, "m.receipt")).await;
    assert!(expected(&content), "{content}");
    let content = ephemeral(&sync(&alice, "").await, &room, "m.receipt").expect("there is a receipt");
    assert!(expected(&content), "{content}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unthreaded_receipt_is_told_in_place_of_a_threaded_one() {
    let server = TestServer::start().await;
    let (alice, bob, room) = two_in_a_room(&server).await;
    let root = alice.say(&room, "the root").await;
    let relation = json!({ "rel_type": "m.thread", "event_id": root });
    let content = json!({ "msgtype": "m.text", "body": "in the thread", "m.relates_to": relation });
    let reply = alice.send_event(&room, "m.room.message", content).await;

    bob.read(&room, &reply).await;
    bob.read_thread(&room, &reply, root.as_str()).await;

    let content = ephemeral(&sync(&alice, "").await, &room, "m.receipt").expect("there is a receipt");
    let receipt = &content[reply.as_str()]["m.read"][bob.id.as_str()];
    assert!(receipt.is_object() && receipt.get("thread_id").is_none(), "{content}");
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_told_with_what_changes_them() {
    let server = TestServer::start().await;
    let (alice, bob, room) = two_in_a_room(&server).await;
    let since = token(&sync(&bob, "").await);
    let counts = |answer: &Value| {
        let counts = answer["rooms"]["join"].get(room.as_str())?["unread_notifications"].clone();
        counts.is_object().then_some(counts)
    };

    let said = alice.say(&room, "hello").await;
    let answer = sync(&bob, &format!("since={since}&timeout=10000")).await;
    assert_eq!(counts(&answer), Some(json!({ "notification_count": 1, "highlight_count": 0 })));

    bob.try_receipt(&room, "m.read.private", &said, json!({})).await.expect("the receipt can be sent");
    let counted = sync_until(&bob, &token(&answer), counts).await;
    assert_eq!(counted["notification_count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_of_threads_are_told_to_those_who_want_them() {
    let server = TestServer::start().await;
    let (alice, bob, room) = two_in_a_room(&server).await;
    let root = alice.say(&room, "the root").await;
    let relation = json!({ "rel_type": "m.thread", "event_id": root });
    let content = json!({ "msgtype": "m.text", "body": "in the thread", "m.relates_to": relation });
    alice.send_event(&room, "m.room.message", content).await;

    let all = sync(&bob, "").await["rooms"]["join"][room.as_str()].clone();
    let filter = segment(r#"{"room":{"timeline":{"unread_thread_notifications":true}}}"#);
    let apart = sync(&bob, &format!("filter={filter}")).await["rooms"]["join"][room.as_str()].clone();

    assert_eq!(all["unread_notifications"]["notification_count"], 2);
    assert!(all.get("unread_thread_notifications").is_none());
    assert_eq!(apart["unread_notifications"]["notification_count"], 1);
    let of_thread = json!({ root.as_str(): { "notification_count": 1, "highlight_count": 0 } });
    assert_eq!(apart["unread_thread_notifications"], of_thread);
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_is_told_to_those_who_share_a_room() {
    let server = TestServer::start().await;
    let (alice, bob, _) = two_in_a_room(&server).await;
    let carol = server.user("carol").await;
    let [of_bob, of_carol] = [token(&sync(&bob, "").await), token(&sync(&carol, "").await)];
    let path = format!("/_matrix/client/v3/presence/{}/status", segment(alice.id.as_str()));

    alice.put(&path, json!({ "presence": "online", "status_msg": "here" })).await.expect("presence can be set");

    let seen = sync_until(&bob, &of_bob, |answer| presence(answer, &alice)).await;
    assert_eq!((&seen["presence"], &seen["status_msg"]), (&json!("online"), &json!("here")));
    assert!(presence(&sync(&bob, "").await, &alice).is_some());
    assert!(presence(&sync(&carol, &format!("since={of_carol}")).await, &alice).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_follows_what_a_sync_says() {
    let server = TestServer::start().await;
    let (alice, bob, _) = two_in_a_room(&server).await;
    let since = token(&sync(&bob, "").await);

    sync(&alice, "set_presence=unavailable").await;

    let seen =
        sync_until(&bob, &since, |answer| presence(answer, &alice).filter(|seen| seen["presence"] == "unavailable"));
    seen.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_into_a_room_sees_who_is_there_and_is_seen() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    let [of_alice, of_bob] = [token(&sync(&alice, "").await), token(&sync(&bob, "").await)];

    bob.join(&room).await;

    sync_until(&bob, &of_bob, |answer| presence(answer, &alice)).await;
    sync_until(&alice, &of_alice, |answer| presence(answer, &bob)).await;
}
