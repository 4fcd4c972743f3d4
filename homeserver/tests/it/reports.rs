//! Reporting what is inappropriate.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser, segment};
use ruma::{EventId, RoomId};
use serde_json::{Value, json};

fn of_event(room: &RoomId, event: &EventId) -> String {
    format!("/_matrix/client/v3/rooms/{}/report/{}", segment(room.as_str()), segment(event.as_str()))
}

fn of_room(room: &RoomId) -> String {
    format!("/_matrix/client/v3/rooms/{}/report", segment(room.as_str()))
}

fn of_user(user: &str) -> String {
    format!("/_matrix/client/v3/users/{}/report", segment(user))
}

async fn refusal(user: &TestUser, path: &str, body: Value) -> homeserver_testing::Refusal {
    user.post(path, body).await.expect_err("it is refused")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reported_event_is_kept_as_it_was() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let said = alice.say(&room, "something bad").await;

    let answer = bob.post(&of_event(&room, &said), json!({ "reason": "it hurts", "score": -100 })).await;
    alice.redact(&room, &said).await;

    assert_eq!(answer.expect("it is taken"), json!({}));
    let kept = server.scalar::<String>("select convert(concat(reason, ' ', content) using utf8mb4) from reports").await;
    assert!(kept.starts_with("it hurts") && kept.contains("something bad"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_reported_by_those_who_are_in_the_room() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let said = alice.say(&room, "something").await;
    bob.leave(&room).await;
    let unknown = <&EventId>::try_from("$unknown").expect("a valid ID");

    for user in [&bob, &carol] {
        refusal(user, &of_event(&room, &said), json!({})).await.assert_is(&ErrorKind::NotFound);
    }
    refusal(&alice, &of_event(&room, unknown), json!({})).await.assert_is(&ErrorKind::NotFound);
    alice.post(&of_event(&room, &said), json!({})).await.expect("a reason is not needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_and_users_are_reported_by_anybody() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room().await;
    let nowhere = <&RoomId>::try_from("!nowhere:test.local").expect("a valid ID");
    let reason = json!({ "reason": "I have my reasons" });

    bob.post(&of_room(&room), reason.clone()).await.expect("the room is known");
    bob.post(&of_user(alice.id.as_str()), reason.clone()).await.expect("the user is known");

    refusal(&bob, &of_room(nowhere), reason.clone()).await.assert_is(&ErrorKind::NotFound);
    refusal(&bob, &of_user("@nobody:test.local"), reason.clone()).await.assert_is(&ErrorKind::NotFound);
    refusal(&bob, &of_user("@nobody:elsewhere.test"), reason).await.assert_is(&ErrorKind::NotFound);
    let long = json!({ "reason": "x".repeat(5000) });
    refusal(&bob, &of_room(&room), long).await.assert_is(&ErrorKind::TooLarge);
}
