//! Rooms that application services show under their networks.

use homeserver_testing::{Answer, TestAppService, TestServer, TestUser, segment};
use reqwest::Method;
use ruma::{OwnedRoomId, RoomId};
use serde_json::{Value, json};

const LIST: &str = "/_matrix/client/v3/publicRooms";

async fn show(by: &TestUser, network: &str, room: &RoomId, visibility: &str) -> Answer<Value> {
    let path = format!("/_matrix/client/v3/directory/list/appservice/{network}/{}", segment(room.as_str()));
    by.request(Method::PUT, &path, Some(json!({ "visibility": visibility }))).await
}

/// The IDs of the rooms that a user is shown.
async fn listed(to: &TestUser, body: Value) -> Vec<String> {
    let page = to.post(LIST, body).await.expect("a page");
    let rooms = page["chunk"].as_array().expect("a chunk");
    rooms.iter().map(|room| room["room_id"].as_str().expect("an ID").to_owned()).collect()
}

/// A room with a user of the application service, which is not published.
async fn bridged(service: &TestAppService, server: &TestServer, alice: &TestUser) -> OwnedRoomId {
    let ghost = service.register_user(server, "_irc_ghost").await;
    let room = alice.create_room_with(json!({ "preset": "public_chat", "name": "On IRC" })).await;
    ghost.join(&room).await;
    room
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_shown_under_its_network_and_not_on_the_servers_own_list() {
    let service = TestAppService::start().await;
    let server = service.server().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = bridged(&service, &server, &alice).await;
    let published = alice.create_room_with(json!({ "visibility": "public" })).await;

    show(&service.sender(&server), "libera", &room, "public").await.expect("it may");

    let of_network = json!({ "third_party_instance_id": "irc|libera" });
    assert_eq!(listed(&bob, json!({})).await, [published.as_str()]);
    assert_eq!(listed(&bob, of_network.clone()).await, [room.as_str()]);
    assert_eq!(listed(&bob, json!({ "third_party_instance_id": "irc|oftc" })).await, [""; 0]);
    let mut all = listed(&bob, json!({ "include_all_networks": true })).await;
    all.sort();
    let mut both = vec![room.to_string(), published.to_string()];
    both.sort();
    assert_eq!(all, both);
    let found = json!({ "third_party_instance_id": "irc|libera", "filter": { "generic_search_term": "on irc" } });
    assert_eq!(listed(&bob, found).await, [room.as_str()]);
    let own = format!("/_matrix/client/v3/directory/list/room/{}", segment(room.as_str()));
    assert_eq!(bob.get(&own).await.expect("it is told")["visibility"], "private");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lists_do_not_depend_on_each_other() {
    let service = TestAppService::start().await;
    let server = service.server().await;
    let alice = server.user("alice").await;
    let bot = service.sender(&server);
    let room = bridged(&service, &server, &alice).await;
    let own = format!("/_matrix/client/v3/directory/list/room/{}", segment(room.as_str()));
    let of_network = || json!({ "third_party_instance_id": "irc|libera" });
    show(&bot, "libera", &room, "public").await.expect("it may");

    alice.put(&own, json!({ "visibility": "public" })).await.expect("she may");
    alice.put(&own, json!({ "visibility": "private" })).await.expect("she may");
    assert_eq!(listed(&alice, json!({})).await, [""; 0]);
    assert_eq!(listed(&alice, of_network()).await, [room.as_str()]);
    alice.put(&own, json!({ "visibility": "public" })).await.expect("she may");
    show(&bot, "libera", &room, "private").await.expect("it may");

    assert_eq!(listed(&alice, of_network()).await, [""; 0]);
    assert_eq!(listed(&alice, json!({})).await, [room.as_str()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_application_services_show_rooms_and_only_those_they_are_in() {
    let service = TestAppService::start().await;
    let server = service.server().await;
    let alice = server.user("alice").await;
    let private = alice.create_room().await;

    show(&alice, "libera", &private, "public").await.expect_err("she is a person");
    show(&service.sender(&server), "libera", &private, "public").await.expect_err("it has nobody there");

    assert_eq!(listed(&alice, json!({ "include_all_networks": true })).await, [""; 0]);
    assert_eq!(server.scalar::<i64>("select count(*) from network_rooms").await, 0);
}
