//! Redacting what somebody said.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser};
use ruma::RoomId;
use serde_json::{Value, json};

use super::{API, administrator, ended, path, recorded};

async fn redact(by: &TestUser, of: &TestUser, body: Value) -> Value {
    let answer = by.post(&path("/v1/user", &of.id, "/redact"), body).await.expect("it can be asked for");
    let id = answer["redact_id"].as_str().expect("an ID");
    ended(by, &format!("{API}/v1/user/redact_status/{id}")).await
}

/// What is left of the messages of a room, the oldest first.
async fn texts(reader: &TestUser, room: &RoomId) -> Vec<String> {
    let events = reader.messages(room, 100).await;
    let texts = events.iter().rev().filter(|event| event["type"] == "m.room.message");
    texts.map(|event| event["content"]["body"].as_str().unwrap_or("-").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_said_is_redacted_everywhere() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [mallory, bob] = server.users(["mallory", "bob"]).await;
    let (one, two) = (bob.create_public_room().await, bob.create_public_room().await);
    for room in [&one, &two] {
        mallory.join(room).await;
        bob.say(room, "hello").await;
        mallory.say(room, "spam").await;
        mallory.say(room, "more spam").await;
    }

    let status = redact(&root, &mallory, json!({ "rooms": [], "reason": "spam" })).await;

    assert_eq!((&status["status"], &status["failed_redactions"]), (&json!("complete"), &json!({})));
    assert_eq!(status["redacted"], 6);
    for room in [&one, &two] {
        assert_eq!(texts(&bob, room).await, ["hello", "-", "-"]);
    }
    let because = &bob.messages(&one, 10).await.into_iter().find(|event| event["type"] == "m.room.redaction");
    assert_eq!(because.as_ref().expect("a redaction")["content"]["reason"], "spam");
    assert!(recorded(&server, "user.redact").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn some_rooms_times_and_numbers_can_be_chosen() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [mallory, bob] = server.users(["mallory", "bob"]).await;
    let (one, two) = (bob.create_public_room().await, bob.create_public_room().await);
    for room in [&one, &two] {
        mallory.join(room).await;
        for text in ["first", "second", "third"] {
            mallory.say(room, text).await;
        }
    }

    let before = redact(&root, &mallory, json!({ "rooms": [two], "before_ts": 1 })).await;
    let last = redact(&root, &mallory, json!({ "rooms": [one], "limit": 1 })).await;

    assert_eq!((&before["redacted"], &last["redacted"]), (&json!(0), &json!(1)));
    assert_eq!(texts(&bob, &one).await, ["first", "second", "-"]);
    assert_eq!(texts(&bob, &two).await, ["first", "second", "third"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_redacted_is_told_event_by_event() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [mallory, bob] = server.users(["mallory", "bob"]).await;
    let room = bob.create_public_room().await;
    mallory.join(&room).await;
    let event = mallory.say(&room, "spam").await;
    bob.ban(&room, &mallory).await;

    let in_vain = redact(&root, &mallory, json!({ "rooms": [room] })).await;
    root.join(&room).await;
    root.post(&path("/v1/rooms", &room, "/make_room_admin"), json!({})).await.expect("bob has the power");
    let status = redact(&root, &mallory, json!({ "rooms": [room], "use_admin": true })).await;

    let failed = in_vain["failed_redactions"][event.as_str()].as_str().expect("it is told why");
    assert!(failed.contains("not"), "{failed}");
    assert_eq!((&in_vain["status"], &status["failed_redactions"]), (&json!("complete"), &json!({})));
    assert_eq!(texts(&bob, &room).await, ["-"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_users_and_tasks_are_told() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;

    let user = root.post(&format!("{API}/v1/user/@nobody:test.local/redact"), json!({})).await;
    let task = root.get(&format!("{API}/v1/user/redact_status/nothing")).await;

    for answer in [user, task] {
        answer.expect_err("there is no such thing").assert_is(&ErrorKind::NotFound);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redaction_goes_on_after_the_server_was_started_again() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [mallory, bob] = server.users(["mallory", "bob"]).await;
    let room = bob.create_public_room().await;
    mallory.join(&room).await;
    for number in 0..5 {
        mallory.say(&room, &format!("spam {number}")).await;
    }
    let answer = root.post(&path("/v1/user", &mallory.id, "/redact"), json!({})).await.expect("it can be asked for");
    let status = format!("{API}/v1/user/redact_status/{}", answer["redact_id"].as_str().expect("an ID"));
    ended(&root, &status).await;
    let more = mallory.say(&room, "said before the end").await;
    // As it would be if the server had been killed at work.
    server.execute("update errands set state = 1, progress = '{}', claimed_until = 0").await;

    let server = server.restart().await;
    let (root, bob) = (root.at(&server), bob.at(&server));

    let status = ended(&root, &status).await;
    assert_eq!((&status["status"], &status["redacted"]), (&json!("complete"), &json!(1)));
    assert!(texts(&bob, &room).await.iter().all(|text| text == "-"), "{more} is redacted too");
}
