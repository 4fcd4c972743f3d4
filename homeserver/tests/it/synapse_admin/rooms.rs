//! Rooms, as administrators see them.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser, segment};
use serde_json::{Value, json};

use super::{API, administrator, path, recorded};

async fn list(by: &TestUser, query: &str) -> Value {
    by.get(&format!("{API}/v1/rooms?{query}")).await.expect("rooms can be listed")
}

fn names(answer: &Value) -> Vec<&str> {
    answer["rooms"].as_array().expect("a list").iter().map(|room| room["name"].as_str().unwrap_or("-")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_told_of_in_full() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice
        .create_room_with(json!({
            "preset": "public_chat", "name": "Fish", "topic": "Trout", "room_alias_name": "fish",
            "visibility": "public",
            "initial_state": [{ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } }],
        }))
        .await;
    bob.join(&room).await;

    let answer = root.get(&path("/v1/rooms", &room, "")).await.expect("the room is there");

    let state = answer["state_events"].as_i64().expect("a number");
    let wanted = json!({
        "room_id": room, "name": "Fish", "canonical_alias": "#fish:test.local", "joined_members": 2,
        "joined_local_members": 2, "joined_local_devices": 2, "version": "12", "creator": alice.id,
        "encryption": "m.megolm.v1.aes-sha2", "federatable": true, "public": true, "join_rules": "public",
        "guest_access": "forbidden", "history_visibility": "shared", "state_events": state, "room_type": null,
        "topic": "Trout", "avatar": null, "forgotten": false,
    });
    assert_eq!(answer, wanted);
    let unknown = root.get(&path("/v1/rooms", "!nothing", "")).await.expect_err("there is no such room");
    unknown.assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_listed_searched_and_sorted() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let apple = alice.create_room_with(json!({ "name": "Äpple", "preset": "public_chat" })).await;
    alice.create_room_with(json!({ "name": "Pear", "visibility": "public" })).await;
    let plum = alice.create_room_with(json!({ "name": "Plum", "room_alias_name": "fruit" })).await;
    bob.join(&apple).await;
    alice.leave(&plum).await;

    assert_eq!(names(&list(&root, "order_by=joined_members").await), ["Äpple", "Pear", "Plum"]);
    assert_eq!(names(&list(&root, "order_by=joined_members&dir=b").await), ["Plum", "Pear", "Äpple"]);
    assert_eq!(names(&list(&root, "search_term=apple").await), ["Äpple"]);
    assert_eq!(names(&list(&root, "search_term=%23fru").await), ["Plum"]);
    assert_eq!(names(&list(&root, &format!("search_term={}", segment(plum.as_str()))).await), ["Plum"]);
    assert_eq!(names(&list(&root, "public_rooms=true").await), ["Pear"]);
    assert_eq!(names(&list(&root, "empty_rooms=true").await), ["Plum"]);
    assert_eq!(names(&list(&root, "empty_rooms=false&public_rooms=false").await), ["Äpple"]);
    let page = list(&root, "limit=2&from=1&order_by=joined_members").await;
    assert_eq!((names(&page), &page["offset"], &page["total_rooms"]), (vec!["Pear", "Plum"], &json!(1), &json!(3)));
    assert_eq!((page.get("next_batch"), &page["prev_batch"]), (None, &json!(0)));
    assert_eq!(list(&root, "limit=2").await["next_batch"], 2);
    for order in [
        "name",
        "canonical_alias",
        "joined_local_members",
        "version",
        "creator",
        "encryption",
        "federatable",
        "public",
        "join_rules",
        "guest_access",
        "history_visibility",
        "state_events",
    ] {
        assert_eq!(names(&list(&root, &format!("order_by={order}")).await).len(), 3, "{order}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_and_state_are_told_to_who_is_not_in_the_room() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let room = alice.create_room_with(json!({ "name": "Secret" })).await;

    let members = root.get(&path("/v1/rooms", &room, "/members")).await.expect("they are told");
    let state = root.get(&path("/v1/rooms", &room, "/state")).await.expect("it is told");

    assert_eq!(members, json!({ "members": [alice.id], "total": 1 }));
    let events = state["state"].as_array().expect("a list");
    assert!(events.iter().any(|event| event["type"] == "m.room.name" && event["content"]["name"] == "Secret"));
    assert_eq!(recorded(&server, "room.read").await.expect("it is recorded")["room_id"], room.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_is_shown_to_who_is_not_in_the_room() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let before = alice.say(&room, "before").await;
    let event = alice.say(&room, "it").await;
    let after = alice.say(&room, "after").await;

    let context = path("/v1/rooms", &room, &format!("/context/{}?limit=2", segment(event.as_str())));
    let context = root.get(&context).await.expect("it is shown");
    let messages = root.get(&path("/v1/rooms", &room, "/messages?dir=b&limit=1")).await.expect("they are shown");
    let first = root.get(&path("/v1/rooms", &room, "/messages?limit=1")).await.expect("they are shown");
    let at = root.get(&path("/v1/rooms", &room, "/timestamp_to_event?ts=0")).await.expect("there is one");

    assert_eq!(context["event"]["event_id"], event.as_str());
    assert_eq!(context["events_before"][0]["event_id"], before.as_str());
    assert_eq!(context["events_after"][0]["event_id"], after.as_str());
    assert!(context["state"].as_array().is_some_and(|state| !state.is_empty()));
    assert!(context["start"].is_string() && context["end"].is_string());
    assert_eq!(messages["chunk"][0]["event_id"], after.as_str());
    assert_eq!(first["chunk"][0]["type"], "m.room.create");
    assert_eq!(at["event_id"], first["chunk"][0]["event_id"]);
    let unknown = path("/v1/rooms", &room, "/context/%24nothing");
    root.get(&unknown).await.expect_err("there is no such event").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_into_a_blocked_room() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    let block = path("/v1/rooms", &room, "/block");

    let before = root.get(&block).await.expect("it is told");
    let set = root.put(&block, json!({ "block": true })).await.expect("it can be blocked");
    let told = root.get(&block).await.expect("it is told");

    assert_eq!((before, set), (json!({ "block": false }), json!({ "block": true })));
    assert_eq!(told, json!({ "block": true, "user_id": root.id }));
    bob.try_join(&room).await.expect_err("it is blocked").assert_is(&ErrorKind::Forbidden);
    alice.try_act_on(&room, "invite", &bob).await.expect_err("it is blocked").assert_is(&ErrorKind::Forbidden);
    let alias = alice.put("/_matrix/client/v3/directory/room/%23x:test.local", json!({ "room_id": room })).await;
    alias.expect_err("it is blocked").assert_is(&ErrorKind::Forbidden);
    alice.say(&room, "those who are in may stay").await;
    root.put(&block, json!({ "block": false })).await.expect("it can be unblocked");
    bob.join(&room).await;
    assert_eq!(recorded(&server, "room.block").await.expect("it is recorded")["set"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_that_are_not_known_can_be_blocked() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let block = path("/v1/rooms", "!bad:elsewhere.test", "/block");

    root.put(&block, json!({ "block": true })).await.expect("it can be blocked");

    assert_eq!(root.get(&block).await.expect("it is told")["block"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_given_power_by_who_has_it() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    for version in ["11", "12"] {
        let room = alice.create_room_with(json!({ "room_version": version })).await;

        let make = path("/v1/rooms", &room, "/make_room_admin");
        root.post(&make, json!({ "user_id": bob.id })).await.expect("alice has the power");
        bob.join(&room).await;

        bob.set_state(&room, "m.room.name", "", json!({ "name": "Bob's" })).await;
        bob.try_act_on(&room, "invite", &root).await.expect("he may do that too");
    }
    assert!(recorded(&server, "room.make_admin").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_given_power_where_nobody_here_has_it() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    alice.leave(&room).await;

    let answer = root.post(&path("/v1/rooms", &room, "/make_room_admin"), json!({ "user_id": root.id })).await;

    answer.expect_err("bob has no power").assert_is(&ErrorKind::Forbidden);
}
