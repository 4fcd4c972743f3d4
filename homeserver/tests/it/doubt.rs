//! Commits of which the server does not learn whether they were made.

use std::time::Duration;

use homeserver::{
    rooms::draft::Wish,
    tail::{Inner, Job},
};
use homeserver_testing::{TestServer, TestUser};
use ruma::RoomId;
use serde_json::{Value, json};

/// Kills the connections of the server to its database.
async fn cut_off(server: &TestServer) {
    let kill = "select coalesce(group_concat(concat('kill ', id) separator ';'), 'do 0')
                from information_schema.processlist
                where db = database() and id <> connection_id()";
    server.execute(&server.scalar::<String>(kill).await).await;
}

/// Whether something can be written to the log just now.
async fn can_write(server: &TestServer) -> bool {
    let nothing = Job { rows: Default::default(), broken: None, publish: Box::new(|_: &mut Inner, _| {}) };
    server.app.log.append(nothing).await.is_ok()
}

/// The next token and the new events of a room. The request is repeated while it is put off.
async fn next_of(user: &TestUser, room: &RoomId, since: &str) -> (String, Vec<Value>) {
    let path = format!("/_matrix/client/v3/sync?timeout=30000&since={since}");
    let answer = loop {
        if let Ok(answer) = user.get(&path).await {
            break answer;
        }
    };
    let events = answer["rooms"]["join"][room.as_str()]["timeline"]["events"].as_array().cloned();
    (answer["next_batch"].as_str().expect("a token").to_owned(), events.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_though_the_connection_broke_is_told_without_another_write() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let first = bob.get("/_matrix/client/v3/sync").await.expect("an answer");
    let mut since = first["next_batch"].as_str().expect("a token").to_owned();
    // What another process writes is, to this one, like a commit that it does not know of.
    let other = server.another_process().await;
    let caller = server.caller(&alice).await;

    // A connection that rested is tried before it is used, so that the write may succeed after all.
    let mut said = 0;
    loop {
        said += 1;
        let wish = || Wish::message("m.room.message", content(said));
        // Its connections were cut off too.
        while other.rooms.send(&caller, &room, wish(), None).await.is_err() {}
        cut_off(&server).await;
        if !can_write(&server).await {
            break;
        }
    }

    let mut told = Vec::new();
    while told.len() < said {
        let next = next_of(&bob, &room, &since);
        let (next_batch, events) = tokio::time::timeout(Duration::from_secs(20), next).await.expect("it is told");
        told.extend(events.into_iter().map(|event| event["content"]["body"].clone()));
        since = next_batch;
    }
    assert_eq!(told, (1..=said).map(|number| json!(number.to_string())).collect::<Vec<_>>());
    other.stop().await;
}

fn content(number: usize) -> Box<serde_json::value::RawValue> {
    let content = json!({ "msgtype": "m.text", "body": number.to_string() });
    serde_json::value::to_raw_value(&content).expect("it can be serialised")
}
