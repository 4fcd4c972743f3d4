//! Which relations are refused.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, segment};
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reacts_twice_in_the_same_way() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let said = alice.say(&room, "hello").await;
    let first = bob.react(&room, &said, "👍").await;

    let second = bob.try_react(&room, &said, "👍").await.expect_err("it was said already");

    assert_eq!(second.status, StatusCode::BAD_REQUEST);
    second.assert_is(&ErrorKind::DuplicateAnnotation);
    bob.react(&room, &said, "👎").await;
    alice.react(&room, &said, "👍").await;
    bob.redact(&room, &first).await;
    bob.react(&room, &said, "👍").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_equal_reactions_at_a_time_one_is_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let said = alice.say(&room, "hello").await;

    let attempts = (0..8).map(|_| alice.try_react(&room, &said, "👍"));
    let answers = futures_util::future::join_all(attempts).await;

    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_is_no_second_reaction() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let said = alice.say(&room, "hello").await;
    let path = format!("/_matrix/client/v3/rooms/{}/send/m.reaction/same", segment(room.as_str()));
    let content = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": said, "key": "👍" } });
    let first = alice.put(&path, content.clone()).await.expect("the reaction is sent");

    let again = alice.put(&path, content).await.expect("the answer is repeated");

    assert_eq!(again, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_begins_with_an_event_that_relates_to_none() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let root = alice.say(&room, "a thread").await;
    let reply = alice.say_in_thread(&room, &root, "in it").await;
    let in_reply_to = json!({ "m.in_reply_to": { "event_id": root } });
    let rich_reply = json!({ "msgtype": "m.text", "body": "a plain reply", "m.relates_to": in_reply_to });
    let rich_reply = alice.send_event(&room, "m.room.message", rich_reply).await;

    let nested = alice.try_say_in_thread(&room, &reply, "a thread in a thread").await.expect_err("it is not allowed");

    assert_eq!(nested.status, StatusCode::BAD_REQUEST);
    nested.assert_is(&ErrorKind::Unknown);
    alice.say_in_thread(&room, &rich_reply, "a thread can begin with a plain reply").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_another_room_cannot_be_related_to() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let [here, there] = [alice.create_room().await, alice.create_room().await];
    let said = alice.say(&there, "elsewhere").await;

    let refused = alice.try_react(&here, &said, "👍").await.expect_err("it is another room's");

    refused.assert_is(&ErrorKind::Unknown);
}
