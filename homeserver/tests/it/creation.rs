//! What can be asked of a new room, and what is refused.

use homeserver::error::ErrorKind;
use homeserver_testing::{Answer, TestServer, TestUser, segment};
use ruma::{OwnedRoomId, RoomId};
use serde_json::{Value, json};

async fn create(user: &TestUser, body: Value) -> Answer<Value> {
    user.post("/_matrix/client/v3/createRoom", body).await
}

/// The types of the room's events, oldest first.
async fn kinds(user: &TestUser, room: &RoomId) -> Vec<String> {
    let mut events = user.messages(room, 100).await;
    events.reverse();
    events.iter().map(|event| event["type"].as_str().expect("a type").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_events_come_in_the_specifications_order() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;

    let room = alice
        .create_room_with(json!({
            "name": "Room",
            "topic": "Topic",
            "invite": [bob.id],
            "room_alias_name": "named",
            "initial_state": [
                { "type": "m.room.topic", "content": { "topic": "Overwritten" } },
                { "type": "m.room.guest_access", "state_key": "", "content": { "guest_access": "forbidden" } },
            ],
        }))
        .await;

    let expected = [
        "m.room.create",
        "m.room.member",
        "m.room.power_levels",
        "m.room.canonical_alias",
        "m.room.join_rules",
        "m.room.history_visibility",
        "m.room.topic",
        "m.room.guest_access",
        "m.room.name",
        "m.room.topic",
        "m.room.member",
    ];
    assert_eq!(kinds(&alice, &room).await, expected);
    let topic = alice.state(&room, "m.room.topic", "").await.expect("a topic");
    assert_eq!(topic, json!({ "topic": "Topic", "m.topic": { "m.text": [{ "body": "Topic" }] } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn presets_say_who_may_come_in() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let [private, public] = [("invite", "can_join", 0), ("public", "forbidden", 50)];

    for (body, (join_rule, guests, invite)) in [
        (json!({}), private),
        (json!({ "visibility": "private" }), private),
        (json!({ "visibility": "public" }), public),
        (json!({ "preset": "private_chat", "visibility": "public" }), private),
        (json!({ "preset": "trusted_private_chat" }), private),
        (json!({ "preset": "public_chat" }), public),
    ] {
        let room = alice.create_room_with(body.clone()).await;
        let state = async |kind: &str| alice.state(&room, kind, "").await.expect("state");
        assert_eq!(state("m.room.join_rules").await["join_rule"], join_rule, "{body}");
        assert_eq!(state("m.room.guest_access").await["guest_access"], guests, "{body}");
        assert_eq!(state("m.room.history_visibility").await["history_visibility"], "shared", "{body}");
        assert_eq!(state("m.room.power_levels").await["invite"], invite, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trusted_people_are_as_powerful_as_the_creator() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let body = |version: &str| {
        json!({
            "room_version": version,
            "preset": "trusted_private_chat",
            "invite": [bob.id, bob.id],
            "creation_content": { "additional_creators": [carol.id, bob.id, alice.id] },
        })
    };

    let old = alice.create_room_with(body("11")).await;
    let new = alice.create_room_with(body("12")).await;

    let levels = alice.state(&old, "m.room.power_levels", "").await.expect("levels");
    assert_eq!(levels["users"], json!({ alice.id.as_str(): 100, bob.id.as_str(): 100 }));
    let creation = alice.state(&old, "m.room.create", "").await.expect("creation");
    assert_eq!(creation["additional_creators"], Value::Null);
    let levels = alice.state(&new, "m.room.power_levels", "").await.expect("levels");
    assert_eq!(levels["users"], json!({}));
    assert_eq!(levels["events"]["m.room.tombstone"], 150);
    let creation = alice.state(&new, "m.room.create", "").await.expect("creation");
    assert_eq!(creation["additional_creators"], json!([carol.id, bob.id]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_creation_event_says_what_was_asked_but_for_what_the_server_knows() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let content = json!({
        "m.federate": false, "type": "m.space", "own": "azerty", "room_version": "test", "creator": "@eve:test.local",
    });

    for (version, creator) in [("10", json!(alice.id)), ("11", Value::Null)] {
        let room = alice.create_room_with(json!({ "room_version": version, "creation_content": content })).await;
        let creation = alice.state(&room, "m.room.create", "").await.expect("creation");
        assert_eq!(creation["room_version"], version);
        assert_eq!(creation["creator"], creator);
        assert_eq!(creation["m.federate"], false);
        assert_eq!(creation["type"], "m.space");
        assert_eq!(creation["own"], "azerty");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_says_that_it_is_direct() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;

    let room = alice.create_room_with(json!({ "is_direct": true, "invite": [bob.id, alice.id, bob.id] })).await;

    let content = alice.state(&room, "m.room.member", bob.id.as_str()).await.expect("an invitation");
    assert_eq!(content, json!({ "membership": "invite", "is_direct": true }));
    assert_eq!(alice.membership_of(&room, &alice).await, "join");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_are_refused_as_such() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    for (body, kind) in [
        (json!({ "name": 7 }), ErrorKind::BadJson),
        (json!({ "room_version": 1 }), ErrorKind::BadJson),
        (json!({ "room_version": "ahfgwjyerhgiuveisbruvybseyrugvi" }), ErrorKind::UnsupportedRoomVersion),
        (json!({ "preset": "open_house" }), ErrorKind::BadJson),
        (json!({ "visibility": "secret" }), ErrorKind::BadJson),
        (json!({ "invite": ["bob"] }), ErrorKind::BadJson),
        (json!({ "invite": "@bob:test.local" }), ErrorKind::BadJson),
        (json!({ "invite": ["@nobody:test.local"] }), ErrorKind::NotFound),
        (json!({ "initial_state": [{ "content": {} }] }), ErrorKind::BadJson),
        (json!({ "initial_state": [{ "type": "own", "content": 7 }] }), ErrorKind::BadJson),
        (json!({ "initial_state": [{ "type": "m.room.create", "content": {} }] }), ErrorKind::BadJson),
        (json!({ "creation_content": 7 }), ErrorKind::BadJson),
        (json!({ "creation_content": { "m.federate": "no" } }), ErrorKind::BadJson),
        (json!({ "creation_content": { "type": 7 } }), ErrorKind::BadJson),
        (json!({ "power_level_content_override": [] }), ErrorKind::BadJson),
        (json!({ "power_level_content_override": { "ban": "50" } }), ErrorKind::BadJson),
        (json!({ "power_level_content_override": { "users": [] } }), ErrorKind::BadJson),
        (json!({ "power_level_content_override": { "users": { "bob": 7 } } }), ErrorKind::BadJson),
        (json!({ "power_level_content_override": { "events": { "own": 0.5 } } }), ErrorKind::BadJson),
        (json!({ "room_alias_name": "a:b" }), ErrorKind::InvalidParam),
        (json!({ "room_alias_name": "" }), ErrorKind::InvalidParam),
        (json!({ "room_alias_name": "a".repeat(300) }), ErrorKind::InvalidParam),
        (json!({ "name": "a".repeat(70_000) }), ErrorKind::TooLarge),
        (json!({ "initial_state": [{ "type": "a".repeat(300), "content": {} }] }), ErrorKind::TooLarge),
        (
            json!({ "initial_state": [{ "type": "m.room.canonical_alias", "content": { "alias": "#x:test.local" } }] }),
            ErrorKind::BadAlias,
        ),
        (
            json!({ "initial_state": [{ "type": "m.room.server_acl", "content": { "allow": ["other.test"] } }] }),
            ErrorKind::BadJson,
        ),
        (
            json!({ "invite_3pid": [{
                "id_server": "id.test", "id_access_token": "token", "medium": "email", "address": "bob@test.local",
            }] }),
            ErrorKind::ThreepidDenied,
        ),
    ] {
        let refusal = create(&alice, body.clone()).await.expect_err(&body.to_string());
        assert_eq!(refusal.body["errcode"], kind.errcode().to_string(), "{body}: {refusal:?}");
        assert!(refusal.status.is_client_error(), "{body}: {refusal:?}");
    }
    let text = alice.post_text("/_matrix/client/v3/createRoom", "{ name: 7 }").await;
    text.expect_err("it is no JSON").assert_is(&ErrorKind::NotJson);
}

#[tokio::test(flavor = "multi_thread")]
async fn additional_creators_are_checked() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let with = async |creators: Value| {
        create(&alice, json!({ "creation_content": { "additional_creators": creators } })).await
    };

    for creators in [
        json!("not-an-array"),
        json!(["@foo:example.com", 42]),
        json!(["@foo:example.com", "not-a-user-id"]),
        json!(["@invalid:dom$ain$.com"]),
    ] {
        with(creators).await.expect_err("malformed").assert_is(&ErrorKind::InvalidParam);
    }
    with(json!(["@foo:example.com", "@bar:baz.code"])).await.expect("these are user IDs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_cannot_be_leaves_nothing_behind() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    for version in ["11", "12"] {
        // Nobody may name the room then, not even the creator.
        let levels = json!({ "users": {}, "state_default": 100, "events": { "m.room.name": 200 } });
        let body = json!({
            "room_version": version,
            "name": "Room",
            "room_alias_name": "never",
            "power_level_content_override": levels,
        });
        if version == "11" {
            create(&alice, body).await.expect_err("no power").assert_is(&ErrorKind::InvalidRoomState);
        } else {
            let users = json!({ "users": { alice.id.as_str(): 100 } });
            let body = json!({ "power_level_content_override": users, "room_alias_name": "never" });
            create(&alice, body).await.expect_err("a creator has all power").assert_is(&ErrorKind::BadJson);
        }
    }

    let rooms = alice.get("/_matrix/client/v3/joined_rooms").await.expect("a list");
    assert_eq!(rooms["joined_rooms"], json!([]));
    alice.create_room_with(json!({ "room_alias_name": "never" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_is_given_to_one_room_only() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let body = json!({ "room_alias_name": "wanted" });

    let answers = futures_util::future::join_all([create(&alice, body.clone()), create(&bob, body)]).await;

    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, 1));
    for answer in refused {
        answer.expect_err("refused").assert_is(&ErrorKind::RoomInUse);
    }
    let room = made.into_iter().map(|answer| answer.expect("made")["room_id"].clone()).next();
    let found = alice.get(&format!("/_matrix/client/v3/directory/room/{}", segment("#wanted:test.local"))).await;
    assert_eq!(found.expect("the alias is known")["room_id"], room.expect("a room"));
}

#[tokio::test(flavor = "multi_thread")]
async fn well_known_state_has_to_make_sense() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room_with(json!({ "creation_content": { "additional_creators": [bob.id] } })).await;
    let set = async |room: &OwnedRoomId, kind: &str, content: Value| alice.try_set_state(room, kind, "", content).await;

    for user in [&alice, &bob] {
        let levels = json!({ "users": { user.id.as_str(): 100 } });
        set(&room, "m.room.power_levels", levels).await.expect_err("a creator").assert_is(&ErrorKind::BadJson);
    }
    let levels = json!({ "users": { "@carol:test.local": 9_007_199_254_740_992_i64 } });
    set(&room, "m.room.power_levels", levels).await.expect_err("too much").assert_is(&ErrorKind::BadJson);
    let creation = json!({ "room_version": "12", "more": 1 });
    set(&room, "m.room.create", creation).await.expect_err("it is created").assert_is(&ErrorKind::BadJson);
    let itself = json!({ "body": "", "replacement_room": room });
    set(&room, "m.room.tombstone", itself).await.expect_err("itself").assert_is(&ErrorKind::InvalidParam);
    for acl in [json!({}), json!({ "allow": ["*"], "deny": ["TEST.*"] })] {
        set(&room, "m.room.server_acl", acl).await.expect_err("it shuts us out").assert_is(&ErrorKind::BadJson);
    }
    set(&room, "m.room.server_acl", json!({ "allow": ["*"], "deny": ["evil.test"] })).await.expect("we stay in");
}
