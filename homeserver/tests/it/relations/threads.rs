//! Listing the threads of a room.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser, segment};
use ruma::RoomId;
use serde_json::{Value, json};

async fn threads(user: &TestUser, room: &RoomId, query: &str) -> Value {
    user.get(&path(room, query)).await.expect("threads can be listed")
}

fn path(room: &RoomId, query: &str) -> String {
    format!("/_matrix/client/v1/rooms/{}/threads?{query}", segment(room.as_str()))
}

/// Roots with their newest events.
fn list(answer: &Value) -> Vec<(&str, &str)> {
    let chunk = answer["chunk"].as_array().expect("a chunk");
    chunk
        .iter()
        .map(|root| {
            let latest = &root["unsigned"]["m.relations"]["m.thread"]["latest_event"]["event_id"];
            (root["event_id"].as_str().expect("an event ID"), latest.as_str().expect("a newest event"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_are_ordered_by_their_newest_events() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let one = alice.say(&room, "thread one").await;
    let two = alice.say(&room, "thread two").await;
    alice.say(&room, "no thread").await;
    let in_one = alice.say_in_thread(&room, &one, "in one").await;
    let in_two = alice.say_in_thread(&room, &two, "in two").await;
    let before = threads(&alice, &room, "").await;

    let again = alice.say_in_thread(&room, &one, "in one again").await;

    let after = threads(&alice, &room, "").await;
    assert_eq!(list(&before), [(two.as_str(), in_two.as_str()), (one.as_str(), in_one.as_str())]);
    assert_eq!(list(&after), [(one.as_str(), again.as_str()), (two.as_str(), in_two.as_str())]);
    alice.redact(&room, &again).await;
    assert_eq!(threads(&alice, &room, "").await["chunk"][0]["event_id"], two.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_come_in_pages() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let mut roots = Vec::new();
    for number in 0..5 {
        let root = alice.say(&room, &format!("thread {number}")).await;
        alice.say_in_thread(&room, &root, "one").await;
        alice.say_in_thread(&room, &root, "two").await;
        roots.insert(0, root);
    }

    let mut read = Vec::new();
    let mut from = String::new();
    loop {
        let page = threads(&alice, &room, &format!("limit=2{from}")).await;
        read.extend(list(&page).into_iter().map(|(root, _)| root.to_owned()));
        let Some(next) = page["next_batch"].as_str() else { break };
        from = format!("&from={next}");
    }

    assert_eq!(read, roots);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_threads_that_one_takes_part_in_can_be_asked_for() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    carol.join(&room).await;
    let of_alice = alice.say(&room, "alice's").await;
    let of_carol = carol.say(&room, "carol's").await;
    bob.say_in_thread(&room, &of_alice, "one").await;
    alice.say_in_thread(&room, &of_carol, "two").await;

    let roots = |answer: &Value| list(answer).into_iter().map(|(root, _)| root.to_owned()).collect::<Vec<_>>();
    let of = async |user: &TestUser| roots(&threads(user, &room, "include=participated").await);

    assert_eq!(of(&alice).await, [of_carol.as_str(), of_alice.as_str()]);
    assert_eq!(of(&bob).await, [of_alice.as_str()]);
    assert_eq!(of(&carol).await, [of_carol.as_str()]);
    assert_eq!(roots(&threads(&carol, &room, "include=all").await).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_of_an_ignored_user_is_shown_without_its_content() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let root = bob.say(&room, "bob's words").await;
    let reply = alice.say_in_thread(&room, &root, "an answer").await;
    bob.say_in_thread(&room, &root, "more of bob's words").await;

    alice.ignore(&[&bob]).await;

    let answer = threads(&alice, &room, "").await;
    assert_eq!(list(&answer), [(root.as_str(), reply.as_str())]);
    assert_eq!(answer["chunk"][0]["content"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_may_not_list_threads() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room().await;

    let refused = bob.get(&path(&room, "")).await.expect_err("bob is not in the room");
    let nonsense = alice.get(&path(&room, "from=nonsense")).await.expect_err("it is no token");

    refused.assert_is(&ErrorKind::Forbidden);
    nonsense.assert_is(&ErrorKind::InvalidParam);
}
