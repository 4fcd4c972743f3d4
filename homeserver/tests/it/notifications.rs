//! The list of what people were notified of.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser};
use serde_json::{Value, json};

async fn list(user: &TestUser, query: &str) -> Value {
    user.get(&format!("/_matrix/client/v3/notifications{query}")).await.expect("there is an answer")
}

fn bodies(answer: &Value) -> Vec<String> {
    let notifications = answer["notifications"].as_array().expect("a list");
    let bodies = notifications.iter().map(|one| one["event"]["content"]["body"].as_str().expect("a body"));
    bodies.map(ToOwned::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_of_all_rooms_are_listed_newest_first() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let [here, there] = [alice.create_public_room().await, alice.create_public_room().await];
    bob.join(&here).await;
    bob.join(&there).await;
    let one = alice.say(&here, "one").await;
    alice.say(&there, "two").await;
    bob.say(&here, "my own").await;
    alice.say(&here, "three").await;
    bob.read(&here, &one).await;

    let answer = list(&bob, "").await;

    assert_eq!(bodies(&answer), ["three", "two", "one"]);
    let notifications = answer["notifications"].as_array().expect("a list");
    assert_eq!(notifications[0]["read"], false);
    assert_eq!(notifications[2]["read"], true);
    assert_eq!(notifications[1]["room_id"], there.as_str());
    assert_eq!(notifications[2]["event"]["event_id"], one.as_str());
    assert_eq!(notifications[0]["actions"], json!(["notify", { "set_tweak": "sound", "value": "default" }]));
    assert!(notifications[0]["ts"].is_number());
    assert_eq!(notifications[0].get("profile_tag"), Some(&Value::Null), "old clients look for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_come_in_pages() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    for number in 0..50 {
        alice.say(&room, &number.to_string()).await;
    }

    let mut read = Vec::new();
    let mut query = "?limit=20".to_owned();
    loop {
        let answer = list(&bob, &query).await;
        read.extend(bodies(&answer));
        let Some(next) = answer["next_token"].as_str() else { break };
        query = format!("?limit=20&from={next}");
    }

    let expected: Vec<_> = (0..50).rev().map(|number| number.to_string()).collect();
    assert_eq!(read, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn highlights_can_be_listed_alone() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    alice.say(&room, "to everybody").await;
    let mentions = json!({ "user_ids": [bob.id] });
    let content = json!({ "msgtype": "m.text", "body": "to bob", "m.mentions": mentions });
    alice.send_event(&room, "m.room.message", content).await;

    assert_eq!(bodies(&list(&bob, "?only=highlight").await), ["to bob"]);
    assert_eq!(bodies(&list(&bob, "").await), ["to bob", "to everybody"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_something_else_is_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let refused = alice.get("/_matrix/client/v3/notifications?from=abc").await;

    refused.expect_err("it is no token").assert_is(&ErrorKind::InvalidParam);
}
