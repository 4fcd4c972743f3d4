//! What `/sync` tells, and when.

use std::time::Duration;

use homeserver_testing::{TestServer, TestUser};
use ruma::RoomId;
use serde_json::{Value, json};

/// The bodies of the messages in a room's timeline.
fn bodies(answer: &Value, room: &RoomId) -> Vec<String> {
    let events = answer["rooms"]["join"][room.as_str()]["timeline"]["events"].as_array().cloned().unwrap_or_default();
    events.iter().filter_map(|event| event["content"]["body"].as_str().map(ToOwned::to_owned)).collect()
}

async fn sync(user: &TestUser, since: Option<&str>, rest: &str) -> Value {
    let since = since.map(|since| format!("since={since}&")).unwrap_or_default();
    user.get(&format!("/_matrix/client/v3/sync?{since}{rest}")).await.expect("sync answers")
}

fn token(answer: &Value) -> String {
    answer["next_batch"].as_str().expect("a token").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_initial_sync_tells_of_the_rooms_one_is_in() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room_with(json!({ "name": "Here" })).await;
    alice.say(&room, "hello").await;

    let answer = sync(&alice, None, "").await;

    assert_eq!(bodies(&answer, &room), ["hello"]);
    let joined = &answer["rooms"]["join"][room.as_str()];
    assert_eq!(joined["summary"]["m.joined_member_count"], 1);
    let told =
        joined["state"]["events"].as_array().into_iter().chain(joined["timeline"]["events"].as_array()).flatten();
    let kinds: Vec<_> = told.filter_map(|event| event["type"].as_str()).collect();
    for kind in ["m.room.create", "m.room.member", "m.room.power_levels", "m.room.join_rules", "m.room.name"] {
        assert!(kinds.contains(&kind), "{kind} is missing in {kinds:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_sync_is_answered_when_something_is_said() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let since = token(&sync(&bob, None, "").await);

    let waiting = tokio::spawn({
        let bob = bob.clone();
        async move { sync(&bob, Some(&since), "timeout=30000").await }
    });
    alice.say(&room, "are you there?").await;

    let answer = tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("in time").expect("no panic");
    assert_eq!(bodies(&answer, &room), ["are you there?"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_is_told_once_however_the_syncs_fall() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let mut since = token(&sync(&bob, None, "").await);

    let mut told = Vec::new();
    let talk = tokio::spawn({
        let (alice, room) = (alice.clone(), room.clone());
        async move {
            for number in 0..50 {
                alice.say(&room, &number.to_string()).await;
            }
        }
    });
    while told.len() < 50 {
        let answer = sync(&bob, Some(&since), "timeout=10000&filter={\"room\":{\"timeline\":{\"limit\":100}}}").await;
        told.extend(bodies(&answer, &room));
        since = token(&answer);
    }
    talk.await.expect("no panic");

    let expected: Vec<String> = (0..50).map(|number: i32| number.to_string()).collect();
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_can_be_filled_from_prev_batch() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let since = token(&sync(&bob, None, "").await);
    for number in 0..15 {
        alice.say(&room, &number.to_string()).await;
    }

    let answer = sync(&bob, Some(&since), "").await;

    let timeline = &answer["rooms"]["join"][room.as_str()]["timeline"];
    assert_eq!(timeline["limited"], true);
    assert_eq!(bodies(&answer, &room).len(), 10);
    let from = timeline["prev_batch"].as_str().expect("a token");
    let room_segment = homeserver_testing::segment(room.as_str());
    let path = format!("/_matrix/client/v3/rooms/{room_segment}/messages?dir=b&from={from}&limit=5");
    let page = bob.get(&path).await.expect("a page");
    let read: Vec<_> =
        page["chunk"].as_array().expect("a chunk").iter().map(|event| event["content"]["body"].clone()).collect();
    assert_eq!(read, ["4", "3", "2", "1", "0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_and_its_end_are_told() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room_with(json!({ "name": "Private" })).await;
    let before = token(&sync(&bob, None, "").await);

    alice.invite(&room, &bob).await;
    let invited = sync(&bob, Some(&before), "").await;
    bob.join(&room).await;
    let joined = sync(&bob, Some(&token(&invited)), "").await;
    alice.kick(&room, &bob).await;
    let left = sync(&bob, Some(&token(&joined)), "").await;

    let stripped = invited["rooms"]["invite"][room.as_str()]["invite_state"]["events"].as_array().expect("events");
    assert!(stripped.iter().any(|event| event["type"] == "m.room.name" && event["content"]["name"] == "Private"));
    assert!(stripped.iter().any(|event| event["state_key"] == bob.id.as_str()));
    let entered = &joined["rooms"]["join"][room.as_str()];
    let told = entered["state"]["events"].as_array().into_iter().chain(entered["timeline"]["events"].as_array());
    assert!(told.flatten().any(|event| event["type"] == "m.room.create"));
    let last = left["rooms"]["leave"][room.as_str()]["timeline"]["events"].as_array().and_then(|events| events.last());
    assert_eq!(last.expect("the kick")["content"]["membership"], "leave");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_new_is_answered_after_the_timeout_with_a_token() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    alice.create_room().await;
    let since = token(&sync(&alice, None, "").await);

    let answer = sync(&alice, Some(&since), "timeout=50").await;

    assert_eq!(answer["rooms"], Value::Null);
    // The other part of the token is about presence: asking for news is a sign of life.
    let position = |token: &str| token.split('_').next().map(ToOwned::to_owned);
    assert_eq!(position(&token(&answer)), position(&since));
}

#[tokio::test(flavor = "multi_thread")]
async fn lazily_loaded_members_are_those_who_spoke() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    carol.join(&room).await;
    for _ in 0..10 {
        bob.say(&room, "hello").await;
    }

    let filter = "filter={\"room\":{\"state\":{\"lazy_load_members\":true},\"timeline\":{\"limit\":5}}}";
    let answer = sync(&alice, None, filter).await;

    let state = answer["rooms"]["join"][room.as_str()]["state"]["events"].as_array().expect("state");
    let members: Vec<_> = state
        .iter()
        .filter(|event| event["type"] == "m.room.member")
        .filter_map(|event| event["state_key"].as_str())
        .collect();
    assert!(members.contains(&bob.id.as_str()), "{members:?}");
    assert!(members.contains(&alice.id.as_str()), "{members:?}");
    assert!(!members.contains(&carol.id.as_str()), "{members:?}");
}
