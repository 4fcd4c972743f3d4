//! Replacing rooms by rooms of other versions.

use homeserver::error::ErrorKind;
use homeserver_testing::{Answer, TestServer, TestUser, segment};
use ruma::{OwnedRoomId, RoomId};
use serde_json::{Value, json};

async fn try_upgrade(user: &TestUser, room: &RoomId, body: Value) -> Answer<OwnedRoomId> {
    let answer = user.try_act(room, "upgrade", body).await?;
    Ok(answer["replacement_room"].as_str().and_then(|id| OwnedRoomId::try_from(id).ok()).expect("a room ID"))
}

async fn upgrade(user: &TestUser, room: &RoomId, version: &str) -> OwnedRoomId {
    try_upgrade(user, room, json!({ "new_version": version })).await.expect("the room can be upgraded")
}

async fn state(user: &TestUser, room: &RoomId, kind: &str) -> Value {
    user.state(room, kind, "").await.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn old_and_new_room_point_to_each_other() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for (from, to) in [("1", "9"), ("9", "11"), ("10", "12"), ("12", "12"), ("12", "11")] {
        let content = json!({ "type": "own", "m.federate": false });
        let old = alice.create_room_with(json!({ "room_version": from, "creation_content": content })).await;

        let new = upgrade(&alice, &old, to).await;

        let creation = state(&alice, &new, "m.room.create").await;
        assert_eq!(creation["room_version"], to);
        assert_eq!((&creation["type"], &creation["m.federate"]), (&json!("own"), &json!(false)));
        assert_eq!(creation["predecessor"]["room_id"], old.as_str());
        let tombstone = state(&alice, &old, "m.room.tombstone").await;
        assert_eq!(tombstone["replacement_room"], new.as_str());
        let path = format!("/_matrix/client/v3/rooms/{}/state/m.room.tombstone/?format=event", segment(old.as_str()));
        let event = alice.get(&path).await.expect("the tombstone");
        let named = if to == "12" { Value::Null } else { event["event_id"].clone() };
        assert_eq!(creation["predecessor"]["event_id"], named, "{from} to {to}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_matters_is_moved_and_the_rest_is_not() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let old = alice.create_room_with(json!({ "room_version": "11", "preset": "public_chat", "name": "Name" })).await;
    bob.join(&old).await;
    alice.try_act(&old, "ban", json!({ "user_id": carol.id, "reason": "noise" })).await.expect("alice may ban");
    let kept = [
        ("m.room.topic", json!({ "topic": "Topic" })),
        ("m.room.avatar", json!({ "url": "mxc://test.local/avatar" })),
        ("m.room.encryption", json!({ "algorithm": "m.megolm.v1.aes-sha2" })),
        ("m.room.server_acl", json!({ "allow": ["*"], "deny": ["evil.test"] })),
        ("m.room.history_visibility", json!({ "history_visibility": "joined" })),
        ("m.room.guest_access", json!({ "guest_access": "forbidden" })),
        ("m.room.join_rules", json!({ "join_rule": "public" })),
    ];
    for (kind, content) in &kept {
        alice.set_state(&old, kind, "", content.clone()).await;
    }
    alice.set_state(&old, "own.kind", "", json!({ "a": 1 })).await;

    let new = upgrade(&alice, &old, "12").await;

    for (kind, content) in kept {
        assert_eq!(state(&alice, &new, kind).await, content, "{kind}");
    }
    assert_eq!(state(&alice, &new, "m.room.name").await["name"], "Name");
    assert_eq!(state(&alice, &new, "own.kind").await, Value::Null);
    let ban = alice.state(&new, "m.room.member", carol.id.as_str()).await.expect("carol is banned");
    assert_eq!(ban, json!({ "membership": "ban", "reason": "noise" }));
    alice.state(&new, "m.room.member", bob.id.as_str()).await.expect_err("bob has to come himself");
    bob.join(&new).await;
    carol.try_join(&new).await.expect_err("carol is banned").assert_is(&ErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_room_does_not_say_means_the_same_afterwards() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let old = alice.create_room_with(json!({ "room_version": "11" })).await;
    alice.set_state(&old, "m.room.guest_access", "", json!({ "guest_access": "forbidden" })).await;

    let new = upgrade(&alice, &old, "12").await;

    assert_eq!(state(&alice, &new, "m.room.guest_access").await["guest_access"], "forbidden");
    assert_eq!(state(&alice, &new, "m.room.join_rules").await["join_rule"], "invite");
}

#[tokio::test(flavor = "multi_thread")]
async fn power_levels_are_moved_whatever_they_are() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let levels = json!({
        "users": { alice.id.as_str(): 150, bob.id.as_str(): 120 },
        "users_default": 5,
        "events": { "m.room.name": 130, "own.kind": 140 },
        "events_default": 10,
        "state_default": 60,
        "ban": 70,
        "kick": 80,
        "redact": 90,
        "invite": 100,
        "notifications": { "room": 20 },
    });
    let body = json!({ "room_version": "10", "power_level_content_override": levels });
    let old = alice.create_room_with(body).await;
    let levels = state(&alice, &old, "m.room.power_levels").await;

    let new = upgrade(&alice, &old, "11").await;

    assert_eq!(state(&alice, &new, "m.room.power_levels").await, levels);
}

#[tokio::test(flavor = "multi_thread")]
async fn creators_are_named_where_that_is_possible_and_only_there() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let [a, b, c] = [alice.id.as_str(), bob.id.as_str(), carol.id.as_str()];
    for (version, users, upgrader, additional, expected_creators, expected_users) in [
        ("11", json!({ b: 100 }), &bob, json!(null), json!(null), json!({})),
        ("11", json!({ b: 100, c: 100 }), &bob, json!(null), json!(null), json!({ c: 100 })),
        ("12", json!({ b: 150 }), &bob, json!([c]), json!([c]), json!({})),
        ("12", json!({ b: 150, c: 50 }), &bob, json!([c]), json!([c]), json!({})),
        ("11", json!({ a: 100, b: 100 }), &alice, json!([b]), json!([b]), json!({})),
        ("11", json!({ a: 100, b: 100, c: 50 }), &alice, json!([b]), json!([b]), json!({ c: 50 })),
    ] {
        let old = alice.create_room_with(json!({ "room_version": version, "preset": "public_chat" })).await;
        bob.join(&old).await;
        carol.join(&old).await;
        alice.set_state(&old, "m.room.power_levels", "", json!({ "users": users })).await;
        let mut body = json!({ "new_version": "12" });
        if !additional.is_null() {
            body["additional_creators"] = additional;
        }

        let new = try_upgrade(upgrader, &old, body).await.expect("the room can be upgraded");

        let creation = state(upgrader, &new, "m.room.create").await;
        assert_eq!(creation["additional_creators"], expected_creators);
        let levels = state(upgrader, &new, "m.room.power_levels").await;
        assert_eq!(levels["users"], expected_users);
        assert_eq!(levels["events"]["m.room.tombstone"], 150);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creator_keeps_power_where_power_is_a_number() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let old = alice.create_room().await;

    let new = try_upgrade(&alice, &old, json!({ "new_version": "11", "additional_creators": ["@x:y.z"] }));
    let new = new.await.expect("the room can be upgraded");

    let levels = state(&alice, &new, "m.room.power_levels").await;
    assert_eq!(levels["users"][alice.id.as_str()], 150);
    assert_eq!(state(&alice, &new, "m.room.create").await["additional_creators"], Value::Null);
    upgrade(&alice, &new, "12").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_room_is_closed() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    for (before, after) in [
        (json!({}), json!({ "events_default": 50, "invite": 50 })),
        (json!({ "users_default": 70 }), json!({ "events_default": 71, "invite": 71 })),
        (json!({ "events_default": 80, "invite": 90 }), json!({ "events_default": 80, "invite": 90 })),
    ] {
        let old = alice.create_room_with(json!({ "preset": "public_chat" })).await;
        bob.join(&old).await;
        alice.set_state(&old, "m.room.power_levels", "", before).await;

        upgrade(&alice, &old, "12").await;

        let levels = state(&alice, &old, "m.room.power_levels").await;
        assert_eq!(levels["events_default"], after["events_default"]);
        assert_eq!(levels["invite"], after["invite"]);
        bob.try_say(&old, "still here?").await.expect_err("it is closed").assert_is(&ErrorKind::Forbidden);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_the_place_on_the_list_are_moved() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let body = json!({ "room_version": "11", "visibility": "public", "room_alias_name": "main" });
    let old = alice.create_room_with(body).await;
    let alias = |alias: &str| format!("/_matrix/client/v3/directory/room/{}", segment(alias));
    alice.put(&alias("#alt:test.local"), json!({ "room_id": old })).await.expect("the alias is free");
    let shown = json!({ "alias": "#main:test.local", "alt_aliases": ["#alt:test.local"] });
    alice.set_state(&old, "m.room.canonical_alias", "", shown.clone()).await;

    let new = upgrade(&alice, &old, "12").await;

    for name in ["#main:test.local", "#alt:test.local"] {
        assert_eq!(alice.get(&alias(name)).await.expect("known")["room_id"], new.as_str());
    }
    assert_eq!(state(&alice, &new, "m.room.canonical_alias").await, shown);
    assert_eq!(state(&alice, &old, "m.room.canonical_alias").await, json!({}));
    let list = alice.get("/_matrix/client/v3/publicRooms").await.expect("a page");
    assert_eq!(list["chunk"].as_array().map(Vec::len), Some(1));
    assert_eq!(list["chunk"][0]["room_id"], new.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_keeps_its_children() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let old = alice.create_room_with(json!({ "creation_content": { "type": "m.space" } })).await;
    let child = json!({ "via": ["test.local"], "suggested": true });
    alice.set_state(&old, "m.space.child", "!kept:test.local", child.clone()).await;
    alice.set_state(&old, "m.space.child", "!removed:test.local", json!({})).await;

    let new = upgrade(&alice, &old, "12").await;

    assert_eq!(alice.state(&new, "m.space.child", "!kept:test.local").await.expect("a child"), child);
    alice.state(&new, "m.space.child", "!removed:test.local").await.expect_err("no child");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_is_refused_to_those_without_power_and_to_unknown_versions() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let body = json!({ "new_version": "12" });

    for user in [&bob, &carol] {
        try_upgrade(user, &room, body.clone()).await.expect_err("no power").assert_is(&ErrorKind::Forbidden);
    }
    let unknown = json!({ "new_version": "my_bad_version" });
    let refusal = try_upgrade(&alice, &room, unknown).await.expect_err("no such version");
    refusal.assert_is(&ErrorKind::UnsupportedRoomVersion);
    let nowhere = RoomId::parse("!nowhere:test.local").expect("a room ID");
    try_upgrade(&alice, &nowhere, body).await.expect_err("unknown").assert_is(&ErrorKind::NotFound);
    assert_eq!(state(&alice, &room, "m.room.tombstone").await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_takes_tags_push_rules_and_direct_chats_along() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let old = alice.create_public_room().await;
    bob.join(&old).await;
    let data = |user: &TestUser, rest: &str| format!("/_matrix/client/v3/user/{}/{rest}", segment(user.id.as_str()));
    let tag = |room: &RoomId| format!("rooms/{}/account_data/m.tag", segment(room.as_str()));
    let tags = json!({ "tags": { "u.work": { "order": 0.5 } } });
    for (user, other) in [(&alice, &bob), (&bob, &alice)] {
        user.put(&data(user, &tag(&old)), tags.clone()).await.expect("tags can be set");
        let chats = json!({ other.id.as_str(): [old] });
        user.put(&data(user, "account_data/m.direct"), chats).await.expect("account data can be set");
        let rule = format!("/_matrix/client/v3/pushrules/global/room/{}", segment(old.as_str()));
        user.put(&rule, json!({ "actions": [] })).await.expect("a rule can be made");
    }

    let new = upgrade(&alice, &old, "12").await;
    bob.join(&new).await;

    for (user, other) in [(&alice, &bob), (&bob, &alice)] {
        assert_eq!(user.get(&data(user, &tag(&new))).await.expect("tags"), tags);
        let chats = user.get(&data(user, "account_data/m.direct")).await.expect("account data");
        assert_eq!(chats, json!({ other.id.as_str(): [old, new] }));
        let rules = user.get("/_matrix/client/v3/pushrules/").await.expect("the rules");
        let rules = rules["global"]["room"].as_array().cloned().expect("rules for rooms");
        let ids: Vec<_> = rules.iter().filter_map(|rule| rule["rule_id"].as_str()).collect();
        assert_eq!(ids.len(), 2);
        assert!(ids.contains(&old.as_str()) && ids.contains(&new.as_str()), "{ids:?}");
    }
}
