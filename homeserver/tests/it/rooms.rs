//! Creating rooms, sending events and reading them back.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, segment};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn two_people_talk_and_read_what_was_said() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room().await;
    alice.invite(&room, &bob).await;
    bob.join(&room).await;

    let said = alice.say(&room, "hello").await;
    let answered = bob.say(&room, "hi").await;

    let read = bob.messages(&room, 2).await;
    assert_eq!(read[0]["event_id"], answered.as_str());
    assert_eq!(read[1]["event_id"], said.as_str());
    assert_eq!(read[1]["content"]["body"], "hello");
    assert_eq!(read[1]["sender"], alice.id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_of_every_version_can_be_created_and_used() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    for version in 1..=12 {
        let body = json!({ "room_version": version.to_string(), "preset": "public_chat", "name": "A room" });
        let room = alice.create_room_with(body).await;
        bob.join(&room).await;
        bob.say(&room, "hello").await;
        let name = alice.get(&format!("/_matrix/client/v3/rooms/{}/state/m.room.name/", segment(room.as_str()))).await;
        assert_eq!(name.expect("the name can be read")["name"], "A room", "version {version}");
        assert_eq!(alice.messages(&room, 1).await[0]["content"]["body"], "hello", "version {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_user_cannot_rejoin() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;

    alice.ban(&room, &bob).await;

    bob.try_join(&room).await.expect_err("bob is banned").assert_is(&ErrorKind::Forbidden);
    bob.try_say(&room, "let me in").await.expect_err("bob is banned").assert_is(&ErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_transaction_sends_once() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/one", segment(room.as_str()));
    let body = json!({ "msgtype": "m.text", "body": "once" });

    let answers = futures_util::future::join_all((0..5).map(|_| alice.put(&path, body.clone()))).await;

    let first = answers[0].as_ref().expect("the message is sent");
    for answer in &answers {
        assert_eq!(answer.as_ref().expect("the message is sent"), first);
    }
    let count = alice.messages(&room, 20).await.iter().filter(|event| event["content"]["body"] == "once").count();
    assert_eq!(count, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redacted_event_loses_its_content() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let said = alice.say(&room, "a secret").await;

    let redaction = alice.redact(&room, &said).await;

    let read = alice.messages(&room, 2).await;
    assert_eq!(read[1]["event_id"], said.as_str());
    assert_eq!(read[1]["content"], json!({}));
    assert_eq!(read[1]["unsigned"]["redacted_because"]["event_id"], redaction.as_str());
}
