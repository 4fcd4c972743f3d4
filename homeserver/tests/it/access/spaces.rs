//! Rules that hold in all rooms of a space.

use homeserver_testing::{TestServer, TestUser, segment};
use ruma::{OwnedRoomId, RoomId};
use serde_json::json;

use super::{API, administrator, assert_forbidden, lift, rule};
use crate::emails;

/// A space with these rooms in it.
async fn space(by: &TestUser, rooms: &[&RoomId]) -> OwnedRoomId {
    let children: Vec<_> = rooms
        .iter()
        .map(|child| json!({ "type": "m.space.child", "state_key": child, "content": { "via": ["test.local"] } }))
        .collect();
    by.create_room_with(json!({ "creation_content": { "type": "m.space" }, "initial_state": children })).await
}

async fn set_child(by: &TestUser, space: &RoomId, room: &RoomId, is_there: bool) {
    let path = super::room_path(space, &format!("state/m.space.child/{}", segment(room.as_str())));
    let content = if is_there { json!({ "via": ["test.local"] }) } else { json!({}) };
    by.put(&path, content).await.expect("it is the user's space");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_kept_out_of_all_rooms_of_a_space() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let (inside, outside) = (alice.create_public_room().await, alice.create_public_room().await);
    let inner = space(&alice, &[&inside]).await;
    let outer = space(&alice, &[&inner]).await;

    rule(&root, "kept-out", &format!("user {} space:{outer} deny", bob.id)).await;

    assert_forbidden(bob.try_join(&inside).await);
    bob.join(&outside).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_comes_into_a_space_or_leaves_it_is_noticed_at_once() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    let inner = space(&alice, &[]).await;
    let outer = space(&alice, &[&inner]).await;
    rule(&root, "kept-out", &format!("user {} space:{outer} deny", bob.id)).await;
    bob.join(&room).await;

    set_child(&alice, &inner, &room, true).await;
    assert_forbidden(bob.try_say(&room, "not heard").await);
    set_child(&alice, &inner, &room, false).await;
    bob.say(&room, "heard").await;
    set_child(&alice, &outer, &room, true).await;
    assert_forbidden(bob.try_say(&room, "not heard").await);
    set_child(&alice, &outer, &room, false).await;

    bob.say(&room, "heard").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_is_kept_out_of_a_space_but_for_a_hole() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let (inside, outside) = (alice.create_public_room().await, alice.create_public_room().await);
    let space = space(&alice, &[&inside]).await;

    rule(&root, "kept-out", &format!("network 127.0.5.0/24 space:{space} deny")).await;
    rule(&root, "hole", &format!("network 127.0.5.7 space:{space} allow")).await;

    assert_forbidden(bob.coming_from("127.0.5.1").try_join(&inside).await);
    bob.coming_from("127.0.5.1").join(&outside).await;
    bob.coming_from("127.0.5.7").join(&inside).await;
    assert_forbidden(bob.coming_from("127.0.5.1").try_say(&inside, "not heard").await);
    lift(&root, "kept-out").await;
    bob.coming_from("127.0.5.1").say(&inside, "heard").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_can_be_open_to_addresses_of_one_domain_alone() {
    let (server, mailbox) = emails::start(|_| {}).await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    emails::add(&bob, &mailbox, "bob@staff.test").await;
    let (inside, outside) = (alice.create_public_room().await, alice.create_public_room().await);
    let space = space(&alice, &[&inside]).await;
    let carol = server.user("carol").await;

    rule(&root, "closed", &format!("everyone - space:{space} deny")).await;
    rule(&root, "staff", &format!("email_domain staff.test space:{space} allow")).await;

    assert_forbidden(carol.try_join(&inside).await);
    carol.join(&outside).await;
    bob.join(&inside).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_explained_by_the_spaces_of_a_room_and_the_addresses_of_an_account() {
    let (server, mailbox) = emails::start(|_| {}).await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    emails::add(&bob, &mailbox, "bob@staff.test").await;
    let inside = alice.create_public_room().await;
    let space = space(&alice, &[&inside]).await;
    rule(&root, "closed", &format!("everyone - space:{space} deny")).await;
    rule(&root, "staff", &format!("email_domain staff.test space:{space} allow")).await;
    let explain = async |user: &TestUser| {
        let body = json!({ "user_id": user.id, "scope": format!("room:{inside}") });
        root.post(&format!("{API}/evaluate"), body).await.expect("an answer")["gates"].clone()
    };

    let (of_alice, of_bob) = (explain(&alice).await, explain(&bob).await);

    let scopes: Vec<_> = of_bob.as_array().expect("gates").iter().map(|gate| gate["scope"].clone()).collect();
    assert_eq!(scopes, [json!("server"), json!(format!("room:{inside}")), json!(format!("space:{space}"))]);
    assert_eq!((&of_alice[2]["effect"], &of_bob[2]["effect"]), (&json!("deny"), &json!("allow")));
    assert_eq!(of_bob[2]["matches"][0]["rule"]["rule_id"], "staff");
}
