//! Rooms follow what becomes of their members' accounts.

use homeserver_testing::{TestServer, TestUser, segment};
use ruma::RoomId;
use serde_json::{Value, json};

async fn set_field(user: &TestUser, field: &str, value: &str) {
    let path = format!("/_matrix/client/v3/profile/{}/{field}", segment(user.id.as_str()));
    user.put(&path, json!({ field: value })).await.expect("it can be set");
}

async fn member(reader: &TestUser, room: &RoomId, user: &TestUser) -> Value {
    reader.state(room, "m.room.member", user.id.as_str()).await.expect("a membership")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_stands_in_all_rooms_at_once() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let mut rooms = Vec::new();
    for _ in 0..20 {
        let room = alice.create_public_room().await;
        bob.join(&room).await;
        rooms.push(room);
    }
    let [left, invited] = [alice.create_public_room().await, alice.create_room().await];
    bob.join(&left).await;
    bob.leave(&left).await;
    alice.invite(&invited, &bob).await;

    set_field(&bob, "displayname", "Bob").await;
    set_field(&bob, "avatar_url", "mxc://test.local/bob").await;

    let shown = json!({ "membership": "join", "displayname": "Bob", "avatar_url": "mxc://test.local/bob" });
    for room in &rooms {
        assert_eq!(member(&alice, room, &bob).await, shown);
    }
    assert_eq!(member(&alice, &left, &bob).await, json!({ "membership": "leave" }));
    assert_eq!(member(&alice, &invited, &bob).await, json!({ "membership": "invite" }));
    let path = format!("/_matrix/client/v3/profile/{}/displayname", segment(bob.id.as_str()));
    bob.delete(&path).await.expect("it can be deleted");
    let shown = json!({ "membership": "join", "avatar_url": "mxc://test.local/bob" });
    assert_eq!(member(&alice, &rooms[0], &bob).await, shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_name_comes_last_stands_everywhere() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let mut rooms = Vec::new();
    for _ in 0..10 {
        rooms.push(alice.create_room().await);
    }

    let names: Vec<String> = (0..10).map(|number| format!("Alice {number}")).collect();
    futures_util::future::join_all(names.iter().map(|name| set_field(&alice, "displayname", name))).await;

    let path = format!("/_matrix/client/v3/profile/{}", segment(alice.id.as_str()));
    let name = alice.get(&path).await.expect("a profile")["displayname"].clone();
    for room in &rooms {
        assert_eq!(member(&alice, room, &alice).await["displayname"], name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_is_invited_or_knocks_brings_name_and_avatar() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    set_field(&alice, "displayname", "Alice").await;
    set_field(&bob, "displayname", "Bob").await;
    let room = alice.create_room_with(json!({ "invite": [bob.id] })).await;
    assert_eq!(member(&alice, &room, &alice).await, json!({ "membership": "join", "displayname": "Alice" }));
    assert_eq!(member(&alice, &room, &bob).await, json!({ "membership": "invite", "displayname": "Bob" }));
    bob.leave(&room).await;
    alice.set_state(&room, "m.room.join_rules", "", json!({ "join_rule": "knock" })).await;
    bob.knock(&room).await;
    assert_eq!(member(&alice, &room, &bob).await, json!({ "membership": "knock", "displayname": "Bob" }));
    alice.invite(&room, &bob).await;
    assert_eq!(member(&alice, &room, &bob).await, json!({ "membership": "invite", "displayname": "Bob" }));
    bob.join(&room).await;
    assert_eq!(member(&alice, &room, &bob).await, json!({ "membership": "join", "displayname": "Bob" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_user_leaves_all_rooms_and_cannot_be_invited() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let [joined, invited] = [alice.create_public_room().await, alice.create_room().await];
    bob.join(&joined).await;
    alice.invite(&invited, &bob).await;
    let since = alice.get("/_matrix/client/v3/sync").await.expect("sync answers")["next_batch"].clone();

    let auth = json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": bob.id },
        "password": bob.password(),
    });
    bob.post("/_matrix/client/v3/account/deactivate", json!({ "auth": auth })).await.expect("bob may go");

    let mut since = since.as_str().expect("a token").to_owned();
    for room in [&joined, &invited] {
        while alice.membership_of(room, &bob).await != "leave" {
            let path = format!("/_matrix/client/v3/sync?since={since}&timeout=10000");
            since = alice.get(&path).await.expect("sync answers")["next_batch"].as_str().expect("a token").to_owned();
        }
    }
    alice.try_act_on(&joined, "invite", &bob).await.expect_err("bob is gone");
}
