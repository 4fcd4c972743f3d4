//! Messages from device to device.

use homeserver::{
    error::ErrorKind,
    storage::{
        numbers::{Position, UserNid},
        to_device::{self, WaitingMessage},
    },
    tail::Fact,
};
use homeserver_testing::{TestServer, TestUser};
use serde_json::{Value, json};

async fn nid(server: &TestServer, user: &TestUser) -> UserNid {
    server.app.storage.find_user_nid(&user.id).await.expect("the database answers").expect("the user is known")
}

async fn waiting(server: &TestServer, user: &TestUser) -> Vec<WaitingMessage> {
    let nid = nid(server, user).await;
    let mut conn = server.app.storage.conn().await.expect("the database answers");
    let up_to = server.app.tail.view().head();
    to_device::list(&mut conn, nid, &user.device_id, Position::ZERO, up_to, 100).await.expect("the database answers")
}

fn parsed(messages: &[WaitingMessage]) -> Vec<Value> {
    messages.iter().map(|message| serde_json::from_str(&message.json).expect("messages are JSON")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_waits_for_its_device_once_however_often_it_is_sent() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let messages = json!({ bob.id.as_str(): { bob.device_id.as_str(): { "body": "psst" } } });

    let same = (0..5).map(|_| alice.send_to_device("test.whisper", "one", messages.clone()));
    for answer in futures_util::future::join_all(same).await {
        assert_eq!(answer.expect("the message can be sent"), json!({}));
    }
    alice.send_to_device("test.whisper", "one", messages.clone()).await.expect("it was sent before");

    let message = json!({ "sender": alice.id, "type": "test.whisper", "content": { "body": "psst" } });
    assert_eq!(parsed(&waiting(&server, &bob).await), [message]);
    assert!(waiting(&server, &alice).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_are_told_a_hundred_at_a_time() {
    let server = TestServer::start().await;
    let [alice, new, old] = server.users(["alice", "new", "old"]).await;
    let start = old.get("/_matrix/client/v3/sync").await.expect("sync answers")["next_batch"].clone();
    for number in 0..230 {
        let content = json!({ "number": number });
        let messages = json!({ new.id.as_str(): { "*": content }, old.id.as_str(): { "*": content } });
        alice.send_to_device("test.count", &number.to_string(), messages).await.expect("the message can be sent");
    }

    for (bob, mut token) in [(new, Value::Null), (old, start)] {
        let (mut told, mut sizes) = (Vec::new(), Vec::new());
        while told.len() < 230 {
            let since = token.as_str().map(|token| format!("since={token}")).unwrap_or_default();
            let answer =
                bob.get(&format!("/_matrix/client/v3/sync?timeout=30000&{since}")).await.expect("sync answers");
            let messages = answer["to_device"]["events"].as_array().expect("there are more");
            sizes.push(messages.len());
            told.extend(messages.iter().filter_map(|message| message["content"]["number"].as_i64()));
            token = answer["next_batch"].clone();
        }
        assert_eq!((told, sizes), ((0..230).collect(), vec![100, 100, 30]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_told_until_it_is_acknowledged_and_never_again() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let sync = async |since: &str| {
        let answer = bob.get(&format!("/_matrix/client/v3/sync?since={since}")).await.expect("sync answers");
        let next = answer["next_batch"].as_str().expect("a token").to_owned();
        (answer["to_device"]["events"].clone(), next)
    };
    let (_, start) = sync("s0_0").await;
    let messages = json!({ bob.id.as_str(): { bob.device_id.as_str(): { "body": "psst" } } });
    alice.send_to_device("test.whisper", "one", messages).await.expect("the message can be sent");

    let (first, next) = sync(&start).await;
    let (answer_was_lost, _) = sync(&start).await;
    let (later, _) = sync(&next).await;

    let message = json!({ "sender": alice.id, "type": "test.whisper", "content": { "body": "psst" } });
    assert_eq!(first, json!([message]));
    assert_eq!(answer_was_lost, first);
    assert!(later.is_null(), "{later}");
    assert!(waiting(&server, &bob).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_from_the_future_acknowledges_nothing_that_is_still_to_come() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let bob_nid = nid(&server, &bob).await;
    let acknowledge = |position| server.app.to_device.acknowledge(bob_nid, &bob.device_id, position);
    acknowledge(Position(i64::MAX)).await.expect("messages can be acknowledged");

    let messages = json!({ bob.id.as_str(): { bob.device_id.as_str(): {} } });
    alice.send_to_device("test.whisper", "one", messages).await.expect("the message can be sent");

    assert_eq!(waiting(&server, &bob).await.len(), 1);
    let head = server.app.tail.view().head();
    acknowledge(head).await.expect("messages can be acknowledged");
    assert!(waiting(&server, &bob).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_type_or_another_sender_makes_it_another_request() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let messages = json!({ bob.id.as_str(): { bob.device_id.as_str(): {} } });

    alice.send_to_device("test.a", "one", messages.clone()).await.expect("the message can be sent");
    alice.send_to_device("test.b", "one", messages.clone()).await.expect("the message can be sent");
    bob.send_to_device("test.a", "one", messages).await.expect("the message can be sent");

    assert_eq!(waiting(&server, &bob).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asterisk_stands_for_all_other_devices_and_unknown_ones_are_passed_over() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let phone = bob.login().await;

    let messages = json!({
        bob.id.as_str(): { "*": { "to": "all" }, phone.device_id.as_str(): { "to": "one" }, "UNKNOWN": {} },
        "@nobody:test.local": { "*": {} },
    });
    alice.send_to_device("test.whisper", "one", messages).await.expect("the message can be sent");

    for (device, to) in [(&bob, "all"), (&phone, "one")] {
        let found = parsed(&waiting(&server, device).await);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["content"], json!({ "to": to }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_in_the_tail_and_wakes_its_receiver() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let bob_nid = nid(&server, &bob).await;
    let since = server.app.tail.view().head();
    let parked = server.app.tail.bus().park(bob_nid);

    let messages = json!({ bob.id.as_str(): { bob.device_id.as_str(): {} } });
    alice.send_to_device("test.whisper", "one", messages).await.expect("the message can be sent");

    parked.woken().await;
    let stored = waiting(&server, &bob).await;
    let view = server.app.tail.view();
    let facts: Vec<_> = view.user(bob_nid, since).collect();
    assert_eq!(facts.len(), 1);
    assert_eq!(facts[0].position, stored[0].position);
    assert!(matches!(&facts[0].fact, Fact::ToDevice(message) if *message.json == stored[0].json));
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_messages_are_deleted_and_later_ones_stay() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let bob_nid = nid(&server, &bob).await;
    let messages = |number: u32| json!({ bob.id.as_str(): { bob.device_id.as_str(): { "number": number } } });
    let acknowledge = |position| server.app.to_device.acknowledge(bob_nid, &bob.device_id, position);
    alice.send_to_device("test.whisper", "one", messages(1)).await.expect("the message can be sent");
    let first = server.app.tail.view().head();
    acknowledge(first).await.expect("messages can be acknowledged");

    alice.send_to_device("test.whisper", "two", messages(2)).await.expect("the message can be sent");
    let second = server.app.tail.view().head();
    acknowledge(first).await.expect("messages can be acknowledged");
    let after_first = parsed(&waiting(&server, &bob).await);
    acknowledge(second).await.expect("messages can be acknowledged");
    let after_second = waiting(&server, &bob).await;
    server.app.storage.close().await;

    acknowledge(second).await.expect("what holds no messages needs no database");
    assert_eq!(after_first.len(), 1);
    assert_eq!(after_first[0]["content"]["number"], 2);
    assert!(after_second.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_for_other_servers_wait_to_be_sent_there() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let messages = json!({ "@carol:far.test": { "*": { "body": "psst" } } });
    alice.send_to_device("test.whisper", "one", messages.clone()).await.expect("the message can be sent");

    let mut conn = server.app.storage.conn().await.expect("the database answers");
    let far = "far.test".try_into().expect("a server name");
    let waiting = to_device::list_outgoing(&mut conn, far, 10).await.expect("the database answers");
    let content = &parsed(&waiting)[0];
    assert_eq!(content["messages"], messages);
    assert_eq!(content["sender"], alice.id.as_str());
    assert_eq!(content["type"], "test.whisper");
    assert!(content["message_id"].as_str().is_some_and(|id| id.len() <= 32));
    to_device::delete_outgoing(&mut conn, far, waiting[0].position).await.expect("the database answers");
    assert!(to_device::list_outgoing(&mut conn, far, 10).await.expect("the database answers").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_that_are_no_objects_or_too_large_are_refused() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let to_bob = |content: Value| json!({ bob.id.as_str(): { bob.device_id.as_str(): content } });
    let mut deep = json!({});
    for _ in 0..200 {
        deep = json!({ "deeper": deep });
    }

    let deep = alice.send_to_device("test.whisper", "zero", to_bob(deep)).await;
    let text = alice.send_to_device("test.whisper", "one", to_bob(json!("text"))).await;
    let large = alice.send_to_device("test.whisper", "two", to_bob(json!({ "body": "x".repeat(65_536) }))).await;
    let long_type = alice.send_to_device(&"x".repeat(256), "three", to_bob(json!({}))).await;

    deep.expect_err("nobody could parse that").assert_is(&ErrorKind::BadJson);
    text.expect_err("text is no object").assert_is(&ErrorKind::BadJson);
    large.expect_err("it is too large").assert_is(&ErrorKind::TooLarge);
    long_type.expect_err("the type is too long").assert_is(&ErrorKind::InvalidParam);
    assert!(waiting(&server, &bob).await.is_empty());
}
