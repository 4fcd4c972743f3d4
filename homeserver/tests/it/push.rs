//! Pushers, and what push gateways are told.

use homeserver::error::ErrorKind;
use homeserver_testing::{Answer, TestGateway, TestServer, TestUser, segment};
use ruma::OwnedRoomId;
use serde_json::{Value, json};

fn pusher(gateway: &TestGateway, pushkey: &str) -> Value {
    json!({
        "kind": "http",
        "app_id": "org.example.app",
        "pushkey": pushkey,
        "app_display_name": "An app",
        "device_display_name": "A phone",
        "profile_tag": "tag",
        "lang": "en",
        "data": { "url": gateway.url() },
    })
}

async fn try_set(user: &TestUser, body: Value) -> Answer<Value> {
    user.post("/_matrix/client/v3/pushers/set", body).await
}

async fn set(user: &TestUser, body: Value) {
    try_set(user, body).await.expect("the pusher can be set");
}

async fn pushers(user: &TestUser) -> Vec<Value> {
    let answer = user.get("/_matrix/client/v3/pushers").await.expect("there is an answer");
    answer["pushers"].as_array().cloned().expect("a list")
}

/// Alice and Bob in a room called Here; Bob has a pusher.
async fn a_room_with_a_pusher(server: &TestServer, gateway: &TestGateway) -> (TestUser, TestUser, OwnedRoomId) {
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room_with(json!({ "preset": "public_chat", "name": "Here" })).await;
    bob.join(&room).await;
    set(&bob, pusher(gateway, "key of bob")).await;
    (alice, bob, room)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_told_of_messages() {
    let server = TestServer::start().await;
    let mut gateway = TestGateway::start().await;
    let (alice, bob, room) = a_room_with_a_pusher(&server, &gateway).await;

    let said = alice.say(&room, "hello").await;

    let told = gateway.next().await;
    assert_eq!((&told["event_id"], &told["id"]), (&json!(said), &json!(said)));
    assert_eq!(told["room_id"], room.as_str());
    assert_eq!(told["type"], "m.room.message");
    assert_eq!(told["sender"], alice.id.as_str());
    assert_eq!(told["content"]["body"], "hello");
    assert_eq!(told["room_name"], "Here");
    assert_eq!(told["counts"], json!({ "unread": 1 }));
    // A message in a room of two makes a sound.
    assert_eq!(told["prio"], "high");
    let device = &told["devices"][0];
    assert_eq!(device["app_id"], "org.example.app");
    assert_eq!(device["pushkey"], "key of bob");
    assert_eq!(device["tweaks"], json!({ "sound": "default" }));
    assert_eq!(device["data"], json!({}));
    assert!(device["pushkey_ts"].is_number());

    bob.say(&room, "my own words notify me of nothing").await;
    let again = alice.say(&room, "again").await;
    assert_eq!(gateway.next().await["event_id"], again.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_told_no_more_than_the_pusher_wants() {
    let server = TestServer::start().await;
    let mut gateway = TestGateway::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let mut body = pusher(&gateway, "key");
    body["data"] = json!({ "url": gateway.url(), "format": "event_id_only", "default_payload": { "aps": {} } });
    set(&bob, body).await;

    let said = alice.say(&room, "a secret").await;

    let told = gateway.next().await;
    assert_eq!(told["event_id"], said.as_str());
    for member in ["type", "sender", "content", "room_name", "sender_display_name"] {
        assert!(told.get(member).is_none(), "{member}");
    }
    let data = &told["devices"][0]["data"];
    assert_eq!(*data, json!({ "format": "event_id_only", "default_payload": { "aps": {} } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn invitations_are_pushed() {
    let server = TestServer::start().await;
    let mut gateway = TestGateway::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    set(&bob, pusher(&gateway, "key")).await;
    let room = alice.create_room_with(json!({ "name": "Elsewhere" })).await;

    alice.invite(&room, &bob).await;

    let told = gateway.next().await;
    assert_eq!(told["type"], "m.room.member");
    assert_eq!(told["user_is_target"], true);
    assert_eq!(told["room_name"], "Elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rules_silence_is_not_pushed() {
    let server = TestServer::start().await;
    let mut gateway = TestGateway::start().await;
    let (alice, bob, room) = a_room_with_a_pusher(&server, &gateway).await;
    let path = format!("/_matrix/client/v3/pushrules/global/room/{}", segment(room.as_str()));
    bob.put(&path, json!({ "actions": ["dont_notify"] })).await.expect("the rule can be made");

    alice.say(&room, "unheard").await;
    bob.delete(&path).await.expect("the rule can be deleted");
    let heard = alice.say(&room, "heard").await;

    assert_eq!(gateway.next().await["event_id"], heard.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_fails_is_tried_again() {
    let server = TestServer::start().await;
    let mut gateway = TestGateway::start().await;
    let (alice, _, room) = a_room_with_a_pusher(&server, &gateway).await;
    gateway.fail(2);

    let [one, two] = [alice.say(&room, "one").await, alice.say(&room, "two").await];

    assert_eq!(gateway.next().await["event_id"], one.as_str());
    assert_eq!(gateway.next().await["event_id"], two.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_is_pushed_after_a_restart() {
    let server = TestServer::start().await;
    let mut gateway = TestGateway::start().await;
    let (alice, _, room) = a_room_with_a_pusher(&server, &gateway).await;
    gateway.fail(usize::MAX);
    let said = alice.say(&room, "hello").await;
    // Once the notification is noted as waiting.
    while server.scalar::<i64>("select count(*) from pushers where failing_since is not null").await == 0 {
        tokio::task::yield_now().await;
    }

    let server = server.restart().await;
    gateway.fail(0);

    assert_eq!(gateway.next().await["event_id"], said.as_str());
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_pusher_is_removed() {
    let server = TestServer::start().await;
    let mut gateway = TestGateway::start().await;
    let (alice, bob, room) = a_room_with_a_pusher(&server, &gateway).await;
    gateway.reject("key of bob");

    alice.say(&room, "hello").await;
    gateway.next().await;

    while !pushers(&bob).await.is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_updates_the_badge_and_what_is_read_is_not_pushed() {
    let server = TestServer::start().await;
    let mut gateway = TestGateway::start().await;
    let (alice, bob, room) = a_room_with_a_pusher(&server, &gateway).await;
    let said = alice.say(&room, "hello").await;
    assert_eq!(gateway.next().await["counts"]["unread"], 1);

    bob.read(&room, &said).await;

    let told = gateway.next().await;
    assert_eq!(told["counts"], json!({ "unread": 0 }));
    assert!(told.get("event_id").is_none(), "{told}");
    assert_eq!(told["devices"][0]["pushkey"], "key of bob");
}

#[tokio::test(flavor = "multi_thread")]
async fn pushers_are_listed_changed_and_deleted() {
    let server = TestServer::start().await;
    let gateway = TestGateway::start().await;
    let alice = server.user("alice").await;
    let body = pusher(&gateway, "a key");

    set(&alice, body.clone()).await;
    assert_eq!(pushers(&alice).await, std::slice::from_ref(&body));

    let mut changed = body;
    changed["lang"] = json!("de");
    set(&alice, changed.clone()).await;
    assert_eq!(pushers(&alice).await, [changed]);

    set(&alice, json!({ "kind": null, "app_id": "org.example.app", "pushkey": "a key" })).await;
    assert!(pushers(&alice).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_key_belongs_to_one_user_unless_they_share_it() {
    let server = TestServer::start().await;
    let gateway = TestGateway::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    set(&alice, pusher(&gateway, "the same")).await;

    let mut shared = pusher(&gateway, "the same");
    shared["append"] = json!(true);
    set(&bob, shared).await;
    assert_eq!((pushers(&alice).await.len(), pushers(&bob).await.len()), (1, 1));

    set(&bob, pusher(&gateway, "the same")).await;
    assert_eq!((pushers(&alice).await.len(), pushers(&bob).await.len()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pusher_ends_with_the_device_that_set_it() {
    let server = TestServer::start().await;
    let gateway = TestGateway::start().await;
    let alice = server.user("alice").await;
    let phone = alice.login().await;
    set(&phone, pusher(&gateway, "the phone")).await;
    set(&alice, pusher(&gateway, "the laptop")).await;

    phone.post("/_matrix/client/v3/logout", json!({})).await.expect("the phone can log out");

    let left: Vec<_> = pushers(&alice).await.into_iter().map(|pusher| pusher["pushkey"].clone()).collect();
    assert_eq!(left, ["the laptop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn push_keys_and_gateways_are_not_stored_in_the_clear() {
    let server = TestServer::start().await;
    let gateway = TestGateway::start().await;
    let alice = server.user("alice").await;

    set(&alice, pusher(&gateway, "in the clear")).await;

    let clear = "select count(*) from pushers where pushkey like '%clear%' or data like '%http%'";
    assert_eq!(server.scalar::<i64>(clear).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_pushers_are_refused() {
    let server = TestServer::start().await;
    let gateway = TestGateway::start().await;
    let alice = server.user("alice").await;
    let with = |member: &str, value: Value| {
        let mut body = pusher(&gateway, "a key");
        body[member] = value;
        body
    };
    let mut incomplete = pusher(&gateway, "a key");
    incomplete.as_object_mut().expect("an object").remove("lang");

    let refused = [
        (incomplete, ErrorKind::MissingParam),
        (json!({ "app_id": "app", "pushkey": "key" }), ErrorKind::MissingParam),
        (with("kind", json!("email")), ErrorKind::InvalidParam),
        (with("kind", json!("pigeon")), ErrorKind::InvalidParam),
        (with("pushkey", json!("x".repeat(513))), ErrorKind::InvalidParam),
        (with("app_id", json!("x".repeat(65))), ErrorKind::InvalidParam),
        (with("data", json!({})), ErrorKind::BadJson),
        (with("data", json!({ "url": "no URL" })), ErrorKind::InvalidParam),
        (with("data", json!({ "url": "http://localhost/notify" })), ErrorKind::InvalidParam),
        (with("data", json!({ "url": "ftp://localhost/_matrix/push/v1/notify" })), ErrorKind::InvalidParam),
    ];

    for (body, kind) in refused {
        try_set(&alice, body.clone()).await.expect_err(&body.to_string()).assert_is(&kind);
    }
    assert!(pushers(&alice).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_are_reached_over_https_unless_the_operator_wants_otherwise() {
    let server = TestServer::start_with(|config| config.push.require_https = true).await;
    let gateway = TestGateway::start().await;
    let alice = server.user("alice").await;

    let refused = try_set(&alice, pusher(&gateway, "a key")).await;

    refused.expect_err("it is no HTTPS").assert_is(&ErrorKind::InvalidParam);
}
