//! What there was before `/sync`: everything at once, and what happens then.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser, segment};
use serde_json::{Value, json};

async fn initial(user: &TestUser, query: &str) -> Value {
    user.get(&format!("/_matrix/client/v3/initialSync{query}")).await.expect("it can be read")
}

async fn events(user: &TestUser, query: &str) -> Value {
    user.get(&format!("/_matrix/client/r0/events?{query}")).await.expect("it can be read")
}

fn bodies(events: &Value) -> Vec<&str> {
    let events = events.as_array().expect("a list of events");
    events.iter().filter_map(|event| event["content"]["body"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_told_at_once() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room_with(json!({ "visibility": "public", "name": "Fish" })).await;
    let elsewhere = bob.create_room().await;
    bob.invite(&elsewhere, &alice).await;
    let left = bob.create_public_room().await;
    alice.join(&left).await;
    alice.leave(&left).await;
    for text in ["one", "two", "three"] {
        alice.say(&room, text).await;
    }

    let told = initial(&alice, "?limit=2").await;
    let with_left = initial(&alice, "?archived=true").await;

    let rooms = told["rooms"].as_array().expect("a list of rooms");
    let of = |id: &str| rooms.iter().find(|room| room["room_id"] == id).expect("the room");
    let (joined, invited) = (of(room.as_str()), of(elsewhere.as_str()));
    assert_eq!(rooms.len(), 2);
    assert_eq!((&joined["membership"], &joined["visibility"]), (&json!("join"), &json!("public")));
    assert_eq!(bodies(&joined["messages"]["chunk"]), ["two", "three"]);
    assert_eq!(joined["messages"]["chunk"][0]["room_id"], room.as_str());
    assert!(joined["state"].as_array().expect("a state").iter().any(|event| event["type"] == "m.room.name"));
    assert_eq!((&invited["membership"], &invited["inviter"]), (&json!("invite"), &json!(bob.id)));
    assert_eq!(invited["invite"]["content"]["membership"], "invite");
    assert_eq!(with_left["rooms"].as_array().expect("a list of rooms").len(), 3);
    let start = joined["messages"]["start"].as_str().expect("a token");
    let path = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit=1&from={start}", segment(room.as_str()));
    assert_eq!(bodies(&alice.get(&path).await.expect("it can be read")["chunk"]), ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_then_is_told_from_all_rooms() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let [one, other] = [alice.create_public_room().await, alice.create_public_room().await];
    bob.join(&one).await;
    bob.join(&other).await;
    let end = initial(&alice, "").await["end"].as_str().expect("a token").to_owned();

    bob.say(&one, "hello").await;
    bob.say(&other, "hallo").await;
    let news = events(&alice, &format!("from={end}&timeout=0")).await;
    let next = news["end"].as_str().expect("a token").to_owned();
    let more = events(&alice, &format!("from={next}&timeout=0")).await;

    let mut said = bodies(&news["chunk"]);
    said.sort_unstable();
    assert_eq!(said, ["hallo", "hello"]);
    assert!(
        news["chunk"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|event| event["type"] == "m.presence" || event["room_id"].is_string())
    );
    assert_eq!((&news["start"], bodies(&more["chunk"]).len()), (&json!(end), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_it_begins_now() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    alice.say(&room, "before").await;

    let now = events(&alice, "timeout=0").await;
    alice.say(&room, "after").await;
    let end = now["end"].as_str().expect("a token");
    let news = events(&alice, &format!("from={end}&timeout=0")).await;

    assert_eq!(bodies(&now["chunk"]).len(), 0);
    assert_eq!(bodies(&news["chunk"]), ["after"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_to_a_device_wait_for_sync() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let to = json!({ "messages": { alice.id.as_str(): { "*": { "key": 1 } } } });
    bob.put("/_matrix/client/v3/sendToDevice/org.example.kind/1", to).await.expect("it is sent");

    let end = initial(&alice, "").await["end"].as_str().expect("a token").to_owned();
    events(&alice, &format!("from={end}&timeout=0")).await;

    let synced = alice.get("/_matrix/client/v3/sync").await.expect("it syncs");
    assert_eq!(synced["to_device"]["events"][0]["content"], json!({ "key": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_found_by_its_id_alone_by_those_who_may_see_it() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room().await;
    let said = alice.say(&room, "hello").await;
    let path = format!("/_matrix/client/v3/events/{}", segment(said.as_str()));

    let found = alice.get(&path).await.expect("it is hers");
    let refused = bob.get(&path).await.expect_err("he is not in the room");
    let unknown = alice.get("/_matrix/client/v3/events/$nothing").await.expect_err("there is none");

    assert_eq!((&found["event_id"], &found["room_id"]), (&json!(said), &json!(room)));
    refused.assert_is(&ErrorKind::NotFound);
    unknown.assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_a_number() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let refused = alice.get("/_matrix/client/v3/initialSync?limit=hello").await.expect_err("it is none");

    assert_eq!(refused.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_room_is_told_with_who_is_there_and_what_they_have_read() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    alice.say(&room, "one").await;
    let said = alice.say(&room, "two").await;
    bob.read(&room, &said).await;
    alice.get("/_matrix/client/v3/sync").await.expect("she is there");
    let path = format!("/_matrix/client/v3/rooms/{}/initialSync?limit=1", segment(room.as_str()));

    let told = alice.get(&path).await.expect("it can be read");
    alice.leave(&room).await;
    let left = alice.get(&path).await.expect("she has been there");

    assert_eq!(bodies(&told["messages"]["chunk"]), ["two"]);
    assert!(told["presence"].as_array().expect("a list").iter().any(|event| event["sender"] == json!(alice.id)));
    assert!(told["receipts"][0]["content"][said.as_str()]["m.read"].get(bob.id.as_str()).is_some(), "{told}");
    assert_eq!((&left["membership"], &left["presence"], &left["receipts"]), (&json!("leave"), &json!([]), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_can_be_sent_without_a_transaction() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message", segment(room.as_str()));

    let first = alice.post(&path, json!({ "msgtype": "m.text", "body": "hello" })).await.expect("it is sent");
    let second = alice.post(&path, json!({ "msgtype": "m.text", "body": "hello" })).await.expect("it is sent");

    assert_ne!(first["event_id"], second["event_id"]);
    alice.post(&path, json!({ "body": 1.5 })).await.expect_err("no event has that").assert_is(&ErrorKind::BadJson);
}
