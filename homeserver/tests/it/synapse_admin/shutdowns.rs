//! Shutting rooms down.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser};
use ruma::{OwnedRoomId, RoomId};
use serde_json::{Value, json};

use super::{API, administrator, ended, path, recorded};

async fn shut(by: &TestUser, room: &RoomId, body: Value) -> Value {
    let answer = by.request(reqwest::Method::DELETE, &path("/v2/rooms", room, ""), Some(body)).await;
    let answer = answer.expect("it can be asked for");
    let id = answer["delete_id"].as_str().expect("an ID");
    ended(by, &format!("{API}/v2/rooms/delete_status/{id}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_leaves_a_room_that_is_shut_down() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = alice
        .create_room_with(json!({ "preset": "public_chat", "room_alias_name": "fish", "visibility": "public" }))
        .await;
    bob.join(&room).await;
    alice.invite(&room, &carol).await;

    let status = shut(&root, &room, json!({ "block": true, "purge": false })).await;

    assert_eq!((&status["status"], &status["room_id"]), (&json!("complete"), &json!(room)));
    let done = &status["shutdown_room"];
    let mut kicked: Vec<&str> =
        done["kicked_users"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    kicked.sort_unstable();
    assert_eq!(kicked, [alice.id.as_str(), bob.id.as_str(), carol.id.as_str()]);
    assert_eq!((&done["failed_to_kick_users"], &done["new_room_id"]), (&json!([]), &Value::Null));
    assert_eq!(done["local_aliases"], json!(["#fish:test.local"]));
    bob.try_join(&room).await.expect_err("it is blocked").assert_is(&ErrorKind::Forbidden);
    let alias = bob.get("/_matrix/client/v3/directory/room/%23fish:test.local").await;
    alias.expect_err("the alias is gone").assert_is(&ErrorKind::NotFound);
    let detail = root.get(&path("/v1/rooms", &room, "")).await.expect("the room is known");
    assert_eq!(
        (&detail["joined_members"], &detail["public"], &detail["forgotten"]),
        (&json!(0), &json!(false), &json!(true))
    );
    let of_room = root.get(&path("/v2/rooms", &room, "/delete_status")).await.expect("it is told");
    assert_eq!(of_room["results"], json!([status]));
    assert_eq!(recorded(&server, "room.shutdown").await.expect("it is recorded")["blocks"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_find_themselves_in_a_room_that_tells_them_why() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room_with(json!({ "preset": "public_chat", "room_alias_name": "fish" })).await;
    bob.join(&room).await;

    let body = json!({ "new_room_user_id": root.id, "room_name": "Gone", "message": "It had to be.", "purge": false });
    let answer = root.request(reqwest::Method::DELETE, &path("/v1/rooms", &room, ""), Some(body)).await;
    let answer = answer.expect("it can be done");

    let new: OwnedRoomId = answer["new_room_id"].as_str().expect("a new room").try_into().expect("a room ID");
    assert_eq!(answer["kicked_users"].as_array().map(Vec::len), Some(2));
    assert_eq!(bob.state(&new, "m.room.name", "").await.expect("he is in"), json!({ "name": "Gone" }));
    let messages = bob.messages(&new, 20).await;
    assert!(messages.iter().any(|event| event["content"]["body"] == "It had to be."));
    bob.try_say(&new, "why?").await.expect_err("nobody answers there").assert_is(&ErrorKind::Forbidden);
    let alias =
        bob.get("/_matrix/client/v3/directory/room/%23fish:test.local").await.expect("it stands for the new one");
    assert_eq!(alias["room_id"], new.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_people_wrote_remains_of_a_purged_room() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room_with(json!({ "preset": "public_chat", "name": "Sssecret name" })).await;
    bob.join(&room).await;
    let since = bob.get("/_matrix/client/v3/sync").await.expect("it syncs")["next_batch"].clone();
    for number in 0..250 {
        alice.say(&room, &format!("Sssecret {number}")).await;
    }
    alice.redact(&room, &alice.say(&room, "Sssecret too").await).await;

    let status = shut(&root, &room, json!({})).await;

    assert_eq!(status["status"], "complete", "{status}");
    let found: i64 = server.scalar("select count(*) from events where json like '%Sssecret%'").await;
    assert_eq!(found, 0);
    let since = since.as_str().expect("a token");
    let news = bob.get(&format!("/_matrix/client/v3/sync?since={since}")).await.expect("clients can go on");
    assert!(news["rooms"]["leave"][room.as_str()].is_object(), "{news}");
    root.get(&path("/v1/rooms", &room, "")).await.expect("it is known what the room was");
    let server = server.restart().await;
    let bob = bob.at(&server);
    bob.get(&format!("/_matrix/client/v3/sync?since={since}")).await.expect("clients can go on");
    bob.get("/_matrix/client/v3/sync").await.expect("clients can begin anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_goes_on_after_the_server_was_started_again() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let first = alice.create_public_room().await;
    let done = shut(&root, &first, json!({ "purge": false })).await;
    let id = done["delete_id"].as_str().expect("an ID");
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    // As it would be if the server had been killed before it began with this room.
    let sql = format!("update errands set state = 1, subject = '{room}', progress = '{{}}', claimed_until = 0");
    server.execute(&sql).await;

    let server = server.restart().await;
    let root = root.at(&server);

    let status = ended(&root, &format!("{API}/v2/rooms/delete_status/{id}")).await;
    assert_eq!(status["status"], "complete");
    assert_eq!(status["shutdown_room"]["kicked_users"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_rooms_can_be_blocked_but_not_deleted() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let unknown = path("/v2/rooms", "!nothing:elsewhere.test", "");

    let deleted = root.request(reqwest::Method::DELETE, &unknown, Some(json!({}))).await;
    let blocked = root.request(reqwest::Method::DELETE, &unknown, Some(json!({ "block": true }))).await;

    deleted.expect_err("there is nothing to delete").assert_is(&ErrorKind::NotFound);
    let id = blocked.expect("it is blocked")["delete_id"].as_str().expect("an ID").to_owned();
    ended(&root, &format!("{API}/v2/rooms/delete_status/{id}")).await;
    let block = root.get(&path("/v1/rooms", "!nothing:elsewhere.test", "/block")).await.expect("it is told");
    assert_eq!(block["block"], true);
}
