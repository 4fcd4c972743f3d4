//! Rules about other servers: whom people here may invite. Their users are known by nothing but their names.

use homeserver_testing::{Answer, TestServer, TestUser};
use ruma::RoomId;
use serde_json::{Value, json};

use super::{administrator, assert_forbidden, lift, room_path, rule, try_rule};

async fn invite(by: &TestUser, room: &RoomId, whom: &str) -> Answer<Value> {
    by.post(&room_path(room, "invite"), json!({ "user_id": whom })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_of_a_banned_server_is_invited_and_those_of_a_hole_are() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    try_rule(&root, "ban", "server *.evil.test server deny", json!({ "reason": "Spam." }))
        .await
        .expect("it is allowed");
    rule(&root, "hole", "server good.evil.test server allow").await;

    let refusal = assert_forbidden(invite(&alice, &room, "@x:bad.evil.test").await);
    let create = json!({ "invite": ["@x:bad.evil.test"] });
    let created = alice.post("/_matrix/client/v3/createRoom", create.clone()).await;

    assert!(refusal.body["error"].as_str().is_some_and(|text| text.contains("Spam.")), "{refusal:?}");
    assert_forbidden(created);
    invite(&alice, &room, "@x:good.evil.test").await.expect("the hole is spared");
    invite(&alice, &room, "@x:other.test").await.expect("others are not concerned");
    lift(&root, "ban").await;
    invite(&alice, &room, "@x:bad.evil.test").await.expect("the rule is lifted");
    alice.post("/_matrix/client/v3/createRoom", create).await.expect("the rule is lifted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_kept_out_of_federation_one_room_or_a_space() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let (room, other) = (alice.create_room().await, alice.create_room().await);
    let child = json!({ "type": "m.space.child", "state_key": room, "content": { "via": ["test.local"] } });
    let space = json!({ "creation_content": { "type": "m.space" }, "initial_state": [child] });
    let space = alice.create_room_with(space).await;

    for scope in [format!("room:{room}"), format!("space:{space}"), "federation".to_owned()] {
        rule(&root, "ban", &format!("server evil.test {scope} deny")).await;
        assert_forbidden(invite(&alice, &room, "@x:evil.test").await);
        let elsewhere = invite(&alice, &other, &format!("@{}:evil.test", scope.len())).await;
        assert_eq!(elsewhere.is_ok(), scope != "federation", "{scope}");
        lift(&root, "ban").await;
    }
    invite(&alice, &room, "@x:evil.test").await.expect("nothing is in the way any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_is_open_to_some_addresses_is_closed_to_strangers() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room().await;

    rule(&root, "closed", &format!("everyone - room:{room} deny")).await;
    rule(&root, "one", &format!("user {} room:{room} allow", alice.id)).await;
    rule(&root, "friend", &format!("user @friend:other.test room:{room} allow")).await;

    assert_forbidden(invite(&alice, &room, "@x:other.test").await);
    invite(&alice, &room, "@friend:other.test").await.expect("there is a rule for them");
    invite(&alice, &room, bob.id.as_str()).await.expect("whether he may come in is seen when he does");
    assert_forbidden(bob.try_join(&room).await);
}
