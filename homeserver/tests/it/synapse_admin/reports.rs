//! What users reported, for tools that count reports.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser, segment};
use ruma::{EventId, RoomId};
use serde_json::{Value, json};

use super::{API, administrator, path, recorded};

async fn report(by: &TestUser, room: &RoomId, event: &EventId) {
    let path = format!("/_matrix/client/v3/rooms/{}/report/{}", segment(room.as_str()), segment(event.as_str()));
    by.post(&path, json!({ "reason": "it hurts" })).await.expect("it is taken");
}

async fn list(by: &TestUser, query: &str) -> Value {
    by.get(&format!("{API}/v1/event_reports?{query}")).await.expect("reports can be listed")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reported_event_is_shown_as_it_was() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room_with(json!({ "preset": "public_chat", "name": "A room" })).await;
    bob.join(&room).await;
    let said = alice.say(&room, "something bad").await;
    report(&bob, &room, &said).await;
    alice.redact(&room, &said).await;

    let listed = list(&root, "").await["event_reports"][0].clone();
    let detail = root.get(&format!("{API}/v1/event_reports/{}", listed["id"])).await.expect("the report is there");

    let wanted = json!({
        "id": listed["id"], "received_ts": listed["received_ts"], "room_id": room, "name": "A room",
        "canonical_alias": null, "event_id": said, "user_id": bob.id, "sender": alice.id, "reason": "it hurts",
        "score": null,
    });
    assert_eq!(listed, wanted);
    assert!(listed["id"].is_i64() && listed["received_ts"].is_i64());
    assert_eq!(detail["event_json"]["content"]["body"], "something bad");
}

/// As Draupnir does: the next offset is what `next_token` says, or else the total.
#[tokio::test(flavor = "multi_thread")]
async fn who_comes_for_what_is_new_misses_nothing_when_reports_are_put_away() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let mut events = Vec::new();
    for number in 0..4 {
        events.push(alice.say(&room, &number.to_string()).await);
    }
    report(&bob, &room, &events[0]).await;
    report(&bob, &room, &events[1]).await;

    let first = list(&root, "dir=f&from=0").await;
    let total = first["total"].as_i64().expect("a number");
    let id = &first["event_reports"][0]["id"];
    root.delete(&format!("{API}/v1/event_reports/{id}")).await.expect("it can be put away");
    report(&bob, &room, &events[2]).await;
    let second = list(&root, &format!("dir=f&from={total}")).await;

    assert_eq!((total, first.get("next_token")), (2, None));
    let seen: Vec<&Value> = second["event_reports"].as_array().expect("a list").iter().collect();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0]["event_id"], events[2].as_str());
    assert_eq!(second["total"], 3);
    let gone = root.get(&format!("{API}/v1/event_reports/{id}")).await;
    gone.expect_err("it was put away").assert_is(&ErrorKind::NotFound);
    assert!(recorded(&server, "report.dismiss").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_come_page_by_page_the_newest_first_and_can_be_chosen() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    for number in 0..3 {
        let said = alice.say(&room, &number.to_string()).await;
        report(&bob, &room, &said).await;
    }

    let first = list(&root, "limit=2").await;
    let second = list(&root, "limit=2&from=2").await;

    let count = |page: &Value| page["event_reports"].as_array().map(Vec::len);
    assert_eq!((count(&first), &first["next_token"]), (Some(2), &json!(2)));
    assert_eq!((count(&second), second.get("next_token")), (Some(1), None));
    assert!(first["event_reports"][0]["id"].as_i64() > second["event_reports"][0]["id"].as_i64());
    for (query, found) in
        [("user_id=bob", 3), ("user_id=alice", 0), ("event_sender_user_id=alice", 3), ("room_id=!no", 0)]
    {
        assert_eq!(list(&root, query).await["total"], found, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reported_users_are_listed() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let path_of = format!("/_matrix/client/v3/users/{}/report", segment(alice.id.as_str()));
    bob.post(&path_of, json!({ "reason": "rude" })).await.expect("it is taken");

    let answer = root.get(&format!("{API}/v1/user_reports")).await.expect("reports can be listed");
    let report = &answer["user_reports"][0];
    let one = root.get(&path("/v1/user_reports", report["id"].to_string(), "")).await.expect("it is there");

    assert_eq!((&report["target_user_id"], &report["user_id"]), (&json!(alice.id), &json!(bob.id)));
    assert_eq!((report, &answer["total"]), (&one, &json!(1)));
    root.delete(&path("/v1/user_reports", report["id"].to_string(), "")).await.expect("it can be put away");
}
