//! Paging through the events that relate to one.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser, segment};
use ruma::{EventId, RoomId};
use serde_json::Value;

/// The path of an event's relations.
fn path(room: &RoomId, event: &EventId) -> String {
    format!("/_matrix/client/v1/rooms/{}/relations/{}", segment(room.as_str()), segment(event.as_str()))
}

fn ids(answer: &Value) -> Vec<&str> {
    let chunk = answer["chunk"].as_array().expect("a chunk");
    chunk.iter().map(|event| event["event_id"].as_str().expect("an event ID")).collect()
}

async fn get(user: &TestUser, path: &str) -> Value {
    user.get(path).await.expect("relations can be read")
}

#[tokio::test(flavor = "multi_thread")]
async fn relations_are_told_newest_first_and_by_type() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let root = alice.say(&room, "root").await;
    let reply = alice.say_in_thread(&room, &root, "reply").await;
    let reaction = alice.react(&room, &root, "👍").await;
    let edit = alice.edit(&room, &root, "edited").await;
    let path = path(&room, &root);

    assert_eq!(ids(&get(&alice, &path).await), [edit.as_str(), reaction.as_str(), reply.as_str()]);
    assert_eq!(ids(&get(&alice, &format!("{path}/m.thread")).await), [reply.as_str()]);
    assert_eq!(ids(&get(&alice, &format!("{path}/m.thread/m.room.message")).await), [reply.as_str()]);
    assert!(ids(&get(&alice, &format!("{path}/m.thread/m.reaction")).await).is_empty());
    assert_eq!(ids(&get(&alice, &format!("{path}/m.annotation/m.reaction")).await), [reaction.as_str()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_in_both_directions() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let root = alice.say(&room, "root").await;
    let mut replies = Vec::new();
    for number in 0..7 {
        replies.push(alice.say_in_thread(&room, &root, &number.to_string()).await);
    }
    let backwards: Vec<_> = replies.iter().rev().cloned().collect();
    for (direction, expected) in [("f", replies), ("b", backwards)] {
        let mut read = Vec::new();
        let mut from = String::new();
        loop {
            let page = get(&alice, &format!("{}?dir={direction}&limit=3{from}", path(&room, &root))).await;
            read.extend(ids(&page).into_iter().map(ToOwned::to_owned));
            assert_eq!(page.get("prev_batch").is_some(), !from.is_empty());
            let Some(next) = page["next_batch"].as_str() else { break };
            from = format!("&from={next}");
        }
        assert_eq!(read, expected, "in direction {direction}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_sync_is_a_place_to_read_on_from() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let root = alice.say(&room, "root").await;
    alice.say_in_thread(&room, &root, "before").await;
    let since = get(&alice, "/_matrix/client/v3/sync").await["next_batch"].as_str().expect("a token").to_owned();

    let after = alice.say_in_thread(&room, &root, "after").await;

    let page = get(&alice, &format!("{}?dir=f&from={since}", path(&room, &root))).await;
    assert_eq!(ids(&page), [after.as_str()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn recursion_finds_what_relates_to_what_relates() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let root = alice.say(&room, "root").await;
    let reply = alice.say_in_thread(&room, &root, "reply").await;
    let edit = alice.edit(&room, &reply, "edited").await;
    let reaction = alice.react(&room, &reply, "👍").await;
    let path = path(&room, &root);

    let direct = get(&alice, &path).await;
    let all = get(&alice, &format!("{path}?recurse=true&dir=f")).await;
    let replies = get(&alice, &format!("{path}/m.thread?recurse=true")).await;

    assert_eq!(ids(&direct), [reply.as_str()]);
    assert_eq!(direct.get("recursion_depth"), None);
    assert_eq!(ids(&all), [reply.as_str(), edit.as_str(), reaction.as_str()]);
    assert_eq!(all["recursion_depth"], 3);
    assert_eq!(ids(&replies), [reply.as_str()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_see_the_parent_is_told_that_there_is_none() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room().await;
    let root = alice.say(&room, "root").await;
    let unknown = <&EventId>::try_from("$unknown").expect("a valid ID");

    let stranger = bob.get(&path(&room, &root)).await.expect_err("bob is not in the room");
    let nothing = alice.get(&path(&room, unknown)).await.expect_err("there is no such event");

    stranger.assert_is(&ErrorKind::NotFound);
    nothing.assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_token_is_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let root = alice.say(&room, "root").await;

    let refused = alice.get(&format!("{}?from=nonsense", path(&room, &root))).await.expect_err("it is no token");

    refused.assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_can_be_filtered_by_their_relations() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let root = alice.say(&room, "root").await;
    let reacted = alice.say(&room, "reacted").await;
    let reply = alice.say_in_thread(&room, &root, "reply").await;
    let reaction = bob.react(&room, &reacted, "👍").await;
    let filtered = |filter: Value| {
        let (alice, room) = (alice.clone(), room.clone());
        async move {
            let filter = segment(&filter.to_string());
            let path = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&filter={filter}", segment(room.as_str()));
            let page = get(&alice, &path).await;
            ids(&page).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()
        }
    };

    let with_thread = filtered(serde_json::json!({ "related_by_rel_types": ["m.thread"] })).await;
    let by_bob = filtered(serde_json::json!({ "related_by_senders": [bob.id] })).await;
    let in_threads = filtered(serde_json::json!({ "org.matrix.msc3874.rel_types": ["m.thread"] })).await;
    let types = ["m.room.message", "m.reaction"];
    let outside = serde_json::json!({ "types": types, "org.matrix.msc3874.not_rel_types": ["m.thread"] });
    let outside = filtered(outside).await;

    assert_eq!(with_thread, [root.as_str()]);
    assert_eq!(by_bob, [reacted.as_str()]);
    assert_eq!(in_threads, [reply.as_str()]);
    assert_eq!(outside, [reaction.as_str(), reacted.as_str(), root.as_str()]);
}
