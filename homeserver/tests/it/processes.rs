//! Several processes of one server that share a database.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};
use homeserver::rooms::draft::Wish;
use homeserver_testing::TestServer;
use serde_json::{json, value::to_raw_value};

/// What each process says.
const EACH: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_write_to_the_same_room_at_once_lose_nothing() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let caller = server.caller(&alice).await;
    let other = server.another_process().await;

    let here = join_all((0..EACH).map(|number| {
        let (alice, room) = (&alice, &room);
        async move { alice.try_say(room, &format!("here {number}")).await.expect("it can be said") }
    }));
    let there = join_all((0..EACH).map(|number| {
        let content = to_raw_value(&json!({ "msgtype": "m.text", "body": format!("there {number}") }));
        let wish = Wish::message("m.room.message", content.expect("it can be serialised"));
        let (rooms, caller, room) = (&other.rooms, &caller, &room);
        async move { rooms.send(caller, room, wish, None).await.expect("it can be said") }
    }));
    let (here, there) = join(here, there).await;

    let told: BTreeSet<String> = here.iter().chain(&there).map(ToString::to_string).collect();
    assert_eq!(told.len(), 2 * EACH);
    let events = alice.messages(&room, 100).await;
    let messages = events.iter().filter(|event| event["type"] == "m.room.message");
    let stored: Vec<String> = messages.map(|event| event["event_id"].as_str().expect("an ID").to_owned()).collect();
    assert_eq!(stored.len(), 2 * EACH, "each is there once");
    assert_eq!(stored.into_iter().collect::<BTreeSet<_>>(), told);
    // Each event followed one that was there: the graph did not fork.
    let ends: i64 = server.scalar("select max(length(extremities)) from room_heads").await;
    assert!(ends < 2 * 50, "the graph has several ends: {ends} bytes");
    other.stop().await;
}
