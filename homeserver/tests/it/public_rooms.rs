//! The published list of rooms, and what outsiders are told of a room.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser, segment};
use ruma::{OwnedRoomId, RoomId};
use serde_json::{Value, json};

const LIST: &str = "/_matrix/client/v3/publicRooms";

async fn publish(user: &TestUser, room: &RoomId, visibility: &str) -> Result<Value, homeserver_testing::Refusal> {
    let path = format!("/_matrix/client/v3/directory/list/room/{}", segment(room.as_str()));
    user.put(&path, json!({ "visibility": visibility })).await
}

async fn published_room(user: &TestUser, mut body: Value) -> OwnedRoomId {
    body["visibility"] = "public".into();
    user.create_room_with(body).await
}

fn ids(page: &Value) -> Vec<String> {
    let rooms = page["chunk"].as_array().expect("a chunk");
    rooms.iter().map(|room| room["room_id"].as_str().expect("an ID").to_owned()).collect()
}

async fn search(user: &TestUser, filter: Value) -> Vec<String> {
    ids(&user.post(LIST, json!({ "filter": filter })).await.expect("a page"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_room_is_listed_with_what_it_says_of_itself() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = published_room(
        &alice,
        json!({
            "name": "un nom français",
            "topic": "un sujet à la française",
            "room_alias_name": "listed",
            "creation_content": { "type": "m.space" },
            "initial_state": [{ "type": "m.room.avatar", "content": { "url": "mxc://test.local/avatar" } }],
        }),
    )
    .await;

    let page = bob.get(LIST).await.expect("a page");

    let expected = json!({
        "room_id": room,
        "canonical_alias": "#listed:test.local",
        "name": "un nom français",
        "topic": "un sujet à la française",
        "avatar_url": "mxc://test.local/avatar",
        "room_type": "m.space",
        "num_joined_members": 1,
        "join_rule": "public",
        "world_readable": false,
        "guest_can_join": false,
    });
    assert_eq!(page, json!({ "chunk": [expected], "total_room_count_estimate": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_follows_the_rooms() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = published_room(&alice, json!({ "name": "Before" })).await;

    alice.set_state(&room, "m.room.name", "", json!({ "name": "After" })).await;
    alice.set_state(&room, "m.room.join_rules", "", json!({ "join_rule": "knock" })).await;
    alice.set_state(&room, "m.room.history_visibility", "", json!({ "history_visibility": "world_readable" })).await;
    alice.invite(&room, &bob).await;
    bob.join(&room).await;
    server.settled().await;

    let page = bob.get(LIST).await.expect("a page");
    let listed = &page["chunk"][0];
    assert_eq!(listed["name"], "After");
    assert_eq!(listed["join_rule"], "knock");
    assert_eq!(listed["world_readable"], true);
    assert_eq!(listed["num_joined_members"], 2);
    assert!(search(&bob, json!({ "generic_search_term": "before" })).await.is_empty());

    alice.leave(&room).await;
    bob.leave(&room).await;
    server.settled().await;
    assert_eq!(ids(&bob.get(LIST).await.expect("a page")), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_found_by_words_in_any_case_and_by_type() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let named = published_room(&alice, json!({ "name": "Test Name", "topic": "Topic of Wombles" })).await;
    let space = published_room(
        &alice,
        json!({ "name": "Café 100%", "creation_content": { "type": "m.space" }, "room_alias_name": "coffee_house" }),
    )
    .await;
    let other = published_room(&alice, json!({ "creation_content": { "type": "own" } })).await;
    let by = async |term: &str| search(&alice, json!({ "generic_search_term": term })).await;

    assert_eq!(by("wombles").await, [named.as_str()]);
    assert_eq!(by("test name").await, [named.as_str()]);
    assert_eq!(by("cafe").await, [space.as_str()]);
    assert_eq!(by("#COFFEE_house").await, [space.as_str()]);
    assert_eq!(by("0%").await, [space.as_str()]);
    assert!(by("1%%").await.is_empty());
    assert!(by("t_st").await.is_empty());
    assert_eq!(by(" ").await.len(), 3);
    assert_eq!(search(&alice, json!({ "room_types": ["m.space"] })).await, [space.as_str()]);
    assert_eq!(search(&alice, json!({ "room_types": [null] })).await, [named.as_str()]);
    let mut found = search(&alice, json!({ "room_types": [null, "own"] })).await;
    found.sort();
    let mut expected = [named.to_string(), other.to_string()];
    expected.sort();
    assert_eq!(found, expected);
    assert!(search(&alice, json!({ "room_types": ["m.space"], "generic_search_term": "wombles" })).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_tell_of_every_room_once_in_both_directions() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let mut rooms = Vec::new();
    for number in 0..5 {
        rooms.push(published_room(&alice, json!({ "name": format!("Room {number}") })).await);
    }
    bob.join(&rooms[3]).await;
    server.settled().await;

    let mut forward = Vec::new();
    let mut page = alice.get(&format!("{LIST}?limit=2")).await.expect("a page");
    assert_eq!(page["prev_batch"], Value::Null);
    assert_eq!(page["chunk"][0]["room_id"], rooms[3].as_str(), "the largest room comes first");
    loop {
        assert_eq!(page["total_room_count_estimate"], 5);
        forward.push(ids(&page));
        let Some(next) = page["next_batch"].as_str() else { break };
        page = alice.get(&format!("{LIST}?limit=2&since={next}")).await.expect("a page");
    }
    let mut backward = vec![ids(&page)];
    while let Some(previous) = page["prev_batch"].as_str() {
        page = alice.post(LIST, json!({ "limit": 2, "since": previous })).await.expect("a page");
        backward.push(ids(&page));
    }

    assert_eq!(forward.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    let mut told = forward.concat();
    told.sort();
    let mut expected: Vec<String> = rooms.iter().map(ToString::to_string).collect();
    expected.sort();
    assert_eq!(told, expected);
    backward.reverse();
    assert_eq!(backward, forward);
    alice.get(&format!("{LIST}?since=x")).await.expect_err("no token").assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_may_name_a_room_publish_it() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let path = format!("/_matrix/client/v3/directory/list/room/{}", segment(room.as_str()));
    let visibility = async || bob.get(&path).await.expect("known")["visibility"].clone();

    assert_eq!(visibility().await, "private");
    publish(&bob, &room, "public").await.expect_err("no power").assert_is(&ErrorKind::Forbidden);
    publish(&alice, &room, "public").await.expect("alice has the power");
    assert_eq!(visibility().await, "public");
    assert_eq!(ids(&bob.get(LIST).await.expect("a page")), [room.as_str()]);
    publish(&alice, &room, "secret").await.expect_err("no such thing").assert_is(&ErrorKind::InvalidParam);
    publish(&alice, &room, "private").await.expect("alice has the power");
    assert_eq!(visibility().await, "private");
    assert!(ids(&bob.get(LIST).await.expect("a page")).is_empty());

    let nowhere = RoomId::parse("!nowhere:test.local").expect("a room ID");
    publish(&alice, &nowhere, "public").await.expect_err("unknown").assert_is(&ErrorKind::NotFound);
    let path = "/_matrix/client/v3/directory/list/room/!nowhere:test.local";
    alice.get(path).await.expect_err("unknown").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_another_server_is_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    alice.get(&format!("{LIST}?server=test.local")).await.expect("it is this server");
    alice.get(&format!("{LIST}?server=other.test")).await.expect_err("another").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_is_for_those_who_may_know_the_room() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let nobody = bob.with_session("NONE", "");
    let private = alice.create_room_with(json!({ "name": "Private" })).await;
    let open = alice.create_room_with(json!({ "preset": "public_chat", "room_alias_name": "open" })).await;
    let allow = json!([{ "type": "m.room_membership", "room_id": open }]);
    let rule = json!({ "type": "m.room.join_rules", "content": { "join_rule": "restricted", "allow": allow } });
    let encryption = json!({ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } });
    let restricted = alice.create_room_with(json!({ "initial_state": [rule, encryption] })).await;
    let summary = async |user: &TestUser, room: &str| {
        user.get(&format!("/_matrix/client/v1/room_summary/{}", segment(room))).await
    };

    for user in [&bob, &nobody] {
        summary(user, private.as_str()).await.expect_err("unknown").assert_is(&ErrorKind::NotFound);
        summary(user, restricted.as_str()).await.expect_err("unknown").assert_is(&ErrorKind::NotFound);
        summary(user, "!nowhere:test.local").await.expect_err("unknown").assert_is(&ErrorKind::NotFound);
        let answer = summary(user, "#open:test.local").await.expect("everybody may know it");
        assert_eq!(answer["room_id"], open.as_str());
        assert_eq!(answer["join_rule"], "public");
        assert_eq!(answer["allowed_room_ids"], Value::Null);
        assert_eq!(answer["membership"], if user.token.is_empty() { Value::Null } else { json!("leave") });
    }
    bob.join(&open).await;
    let answer = summary(&bob, restricted.as_str()).await.expect("bob may come in");
    assert_eq!(answer["join_rule"], "restricted");
    assert_eq!(answer["allowed_room_ids"], json!([open]));
    assert_eq!(answer["encryption"], "m.megolm.v1.aes-sha2");
    assert_eq!(answer["room_version"], "12");
    alice.invite(&private, &carol).await;
    let answer = summary(&carol, private.as_str()).await.expect("carol is invited");
    assert_eq!((&answer["name"], &answer["membership"]), (&json!("Private"), &json!("invite")));
    assert_eq!(summary(&alice, private.as_str()).await.expect("alice is in")["membership"], "join");

    for path in ["im.nheko.summary/rooms/{}/summary", "im.nheko.summary/summary/{}"] {
        let path = format!("/_matrix/client/unstable/{}", path.replace("{}", &segment(open.as_str())));
        assert_eq!(bob.get(&path).await.expect("an older path")["room_id"], open.as_str());
    }
}
