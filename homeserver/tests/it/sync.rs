//! What `/sync` tells, and when.

use std::time::Duration;

use homeserver_testing::{TestServer, TestUser, segment};
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

#[tokio::test(flavor = "multi_thread")]
async fn the_full_state_is_that_of_all_rooms_also_where_nothing_happened() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room_with(json!({ "name": "Here" })).await;
    let since = token(&sync(&alice, None, "").await);

    let quiet = sync(&alice, Some(&since), "timeout=0").await;
    let full = sync(&alice, Some(&since), "timeout=0&full_state=true").await;

    assert!(quiet["rooms"]["join"].get(room.as_str()).is_none());
    let told = &full["rooms"]["join"][room.as_str()];
    assert!(told["state"]["events"].as_array().expect("a state").iter().any(|event| event["type"] == "m.room.name"));
    assert_eq!(told["timeline"]["events"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_of_a_room_that_is_new_to_a_client_is_no_continuation() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    alice.say(&room, "hello").await;
    let since = token(&sync(&bob, None, "").await);
    let filter = segment(r#"{"room":{"timeline":{"types":["m.room.message"]}}}"#);

    bob.join(&room).await;
    let new = sync(&bob, Some(&since), &format!("timeout=0&filter={filter}")).await;
    let known = sync(&bob, None, &format!("filter={filter}")).await;

    let is_limited = |answer: &Value| answer["rooms"]["join"][room.as_str()]["timeline"]["limited"].clone();
    assert_eq!((bodies(&new, &room), is_limited(&new)), (vec!["hello".to_owned()], json!(true)));
    assert_eq!((bodies(&known, &room), is_limited(&known)), (vec!["hello".to_owned()], json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeline_is_limited_only_if_the_filter_lets_more_pass() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let filter = segment(r#"{"room":{"timeline":{"limit":1,"types":["m.room.message"]}}}"#);
    let is_limited = async || {
        let answer = sync(&alice, None, &format!("filter={filter}")).await;
        (bodies(&answer, &room), answer["rooms"]["join"][room.as_str()]["timeline"]["limited"].clone())
    };

    alice.say(&room, "one").await;
    for _ in 0..3 {
        alice.send_event(&room, "org.example.other", json!({})).await;
    }
    let one = is_limited().await;
    alice.say(&room, "two").await;
    let two = is_limited().await;

    assert_eq!(one, (vec!["one".to_owned()], json!(false)));
    assert_eq!(two, (vec!["two".to_owned()], json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_told_of_that_was_joined_and_left_in_between_whatever_the_filter_takes_out() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    alice.set_state(&room, "org.example.state", "", json!({ "key": 1 })).await;
    let filter =
        segment(r#"{"room":{"timeline":{"types":[]},"state":{"types":["org.example.state"]},"include_leave":true}}"#);
    let since = token(&sync(&bob, None, &format!("filter={filter}")).await);

    bob.join(&room).await;
    bob.leave(&room).await;
    let answer = sync(&bob, Some(&since), &format!("timeout=0&filter={filter}")).await;
    let next = sync(&bob, Some(&token(&answer)), &format!("timeout=0&filter={filter}")).await;

    let state = &answer["rooms"]["leave"][room.as_str()]["state"]["events"];
    assert_eq!(state.as_array().map_or(0, Vec::len), 1, "{answer}");
    assert!(next.get("rooms").is_none(), "{next}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_asks_for_events_as_servers_exchange_them() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let said = alice.say(&room, "hello").await;
    let filter = segment(r#"{"event_format":"federation","room":{"timeline":{"limit":1}}}"#);

    let answer = sync(&alice, None, &format!("filter={filter}")).await;

    let told = &answer["rooms"]["join"][room.as_str()];
    let event = &told["timeline"]["events"][0];
    assert_eq!((&event["event_id"], &event["content"]["body"]), (&json!(said), &json!("hello")));
    for member in ["prev_events", "auth_events", "depth", "hashes", "signatures", "room_id", "unsigned"] {
        assert!(event.get(member).is_some(), "{member} is missing in {event}");
        assert!(told["state"]["events"][1].get(member).is_some(), "{member} is missing in {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_is_new_has_all_parts_be_they_empty() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;

    let answer = sync(&alice, None, "").await;

    let told = &answer["rooms"]["join"][room.as_str()];
    assert_eq!((&told["account_data"]["events"], &told["ephemeral"]["events"]), (&json!([]), &json!([])));
}
