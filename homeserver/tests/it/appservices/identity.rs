//! Application services act as their users.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestAppService, TestServer, TestUser, segment};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn who_am_i(user: &TestUser) -> Value {
    user.get("/_matrix/client/v3/account/whoami").await.expect("there is an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_service_acts_as_the_users_in_its_namespace() {
    let service = TestAppService::start().await;
    let server = service.server().await;
    let bob = server.user("bob").await;
    let ghost = service.register_user(&server, "_irc_alice").await;
    let room = bob.create_public_room().await;

    ghost.join(&room).await;
    ghost.say(&room, "hello").await;

    assert_eq!(who_am_i(&ghost).await["user_id"], "@_irc_alice:test.local");
    assert_eq!(bob.membership_of(&room, &ghost).await, "join");
    assert_eq!(bob.messages(&room, 1).await[0]["sender"], "@_irc_alice:test.local");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_cannot_act_as_others() {
    let service = TestAppService::start().await;
    let server = service.server().await;
    server.user("bob").await;
    let whoami = "/_matrix/client/v3/account/whoami";

    let outside = service.user(&server, "bob").get(whoami).await.expect_err("he is not its user");
    let unknown = service.user(&server, "_irc_nobody").get(whoami).await.expect_err("there is no such user");
    let elsewhere = service.sender(&server).with_query("user_id", "@_irc_alice:elsewhere.org").get(whoami).await;
    let malformed = service.sender(&server).with_query("user_id", "nobody").get(whoami).await;

    outside.assert_is(&ErrorKind::Forbidden);
    unknown.assert_is(&ErrorKind::Forbidden);
    elsewhere.expect_err("it is not of this server").assert_is(&ErrorKind::Forbidden);
    malformed.expect_err("it is no user ID").assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_cannot_act_as_others_by_the_query() {
    let service = TestAppService::start().await;
    let server = service.server().await;
    let bob = server.user("bob").await;
    service.register_user(&server, "_irc_alice").await;

    let asserting = bob.with_query("user_id", "@_irc_alice:test.local").with_query("device_id", "PHONE");

    assert_eq!(who_am_i(&asserting).await["user_id"], bob.id.as_str());
    assert_eq!(who_am_i(&asserting).await["device_id"], bob.device_id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_made_used_and_deleted_without_a_session() {
    let service = TestAppService::start().await;
    let server = service.server().await;
    let ghost = service.register_user(&server, "_irc_alice").await;
    let path = "/_matrix/client/v3/devices/BRIDGE";
    let put = |name: &str| ghost.call(Method::PUT, path).json(&json!({ "display_name": name })).send();

    assert_eq!(put("Bridge").await.expect("the server answers").status(), StatusCode::CREATED);
    assert_eq!(put("The bridge").await.expect("the server answers").status(), StatusCode::OK);
    assert_eq!(ghost.get(path).await.expect("it is there")["display_name"], "The bridge");
    for name in ["device_id", "org.matrix.msc3202.device_id"] {
        assert_eq!(who_am_i(&ghost.with_query(name, "BRIDGE")).await["device_id"], "BRIDGE");
    }
    let unknown = ghost.with_query("device_id", "PHONE").get(path).await.expect_err("there is no such device");
    unknown.assert_is(&ErrorKind::UnknownDevice);
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);

    let body = json!({ "one_time_keys": { "signed_curve25519:A": { "key": "A" } } });
    ghost.upload_keys(body.clone()).await.expect_err("this needs a device");
    ghost.with_query("device_id", "BRIDGE").upload_keys(body).await.expect("the device is named");

    ghost.delete(path).await.expect("nothing has to be proved");
    let deleted = ghost.with_query("device_id", "BRIDGE").get("/_matrix/client/v3/devices").await;
    deleted.expect_err("the device is gone").assert_is(&ErrorKind::UnknownDevice);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_cannot_make_devices() {
    let server = TestServer::start().await;
    let bob = server.user("bob").await;

    let refused = bob.put("/_matrix/client/v3/devices/NEW", json!({ "display_name": "New" })).await;

    refused.expect_err("it is not there").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn cross_signing_keys_are_replaced_without_a_proof() {
    let service = TestAppService::start().await;
    let server = service.server().await;
    let ghost = service.register_user(&server, "_irc_alice").await;

    for _ in 0..2 {
        let master = homeserver_testing::Signer::cross_signing();
        let body = json!({ "master_key": ghost.cross_signing_key("master", &master) });
        ghost.upload_cross_signing_keys(body).await.expect("nothing has to be proved");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_of_one_of_its_users_ends_without_a_proof() {
    let service = TestAppService::start().await;
    let server = service.server().await;
    let ghost = service.register_user(&server, "_irc_gone").await;

    ghost.post("/_matrix/client/v3/account/deactivate", json!({})).await.expect("nobody could prove anything");

    assert!(ghost.get("/_matrix/client/v3/account/whoami").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_application_services_say_when_their_events_were_sent() {
    let service = TestAppService::start().await;
    let server = service.server().await;
    let bob = server.user("bob").await;
    let ghost = service.register_user(&server, "_irc_alice").await;
    let room = bob.create_public_room().await;
    ghost.join(&room).await;
    let sent_at = async |event_id: &ruma::EventId| {
        let path = format!("/_matrix/client/v3/rooms/{}/event/{}", segment(room.as_str()), segment(event_id.as_str()));
        bob.get(&path).await.expect("the event is there")["origin_server_ts"].clone()
    };

    let message = ghost.with_query("ts", "12345").say(&room, "long ago").await;
    let content = json!({ "membership": "leave" });
    let member = ghost.with_query("ts", "23456").set_state(&room, "m.room.member", ghost.id.as_str(), content).await;
    let by_bob = bob.with_query("ts", "12345").say(&room, "now").await;

    assert_eq!(sent_at(&message).await, 12345);
    assert_eq!(sent_at(&member).await, 23456);
    assert!(sent_at(&by_bob).await.as_i64().is_some_and(|ts| ts > 1_000_000_000_000));
    let refused = ghost.with_query("ts", "-1").try_say(&room, "before time").await;
    assert_eq!(refused.expect_err("there was nothing before").status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_transaction_sends_once_without_a_device_too() {
    let service = TestAppService::start().await;
    let server = service.server().await;
    let ghost = service.register_user(&server, "_irc_alice").await;
    let room = ghost.create_room().await;
    let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/1", segment(room.as_str()));

    let one = ghost.put(&path, json!({ "body": "once" })).await.expect("it is sent");
    let other = ghost.put(&path, json!({ "body": "once" })).await.expect("it was sent");

    assert_eq!(one, other);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_says_whether_its_users_are_slowed_down() {
    for (rate_limited, is_slowed_down) in [(json!(false), false), (json!(true), true), (Value::Null, true)] {
        let service = TestAppService::start_with(|registration| registration["rate_limited"] = rate_limited).await;
        let server = TestServer::start_with(|config| {
            service.register(config);
            config.rate_limits.enabled = true;
            config.rate_limits.message.burst = 2;
            config.rate_limits.message.per_second = 0.001;
            config.rate_limits.registration.burst = 1;
        })
        .await;
        let sender = service.sender(&server);
        let ghost = service.register_user(&server, "_irc_alice").await;
        service.register_user(&server, "_irc_bob").await;
        let room = sender.create_public_room().await;
        ghost.join(&room).await;

        for _ in 0..3 {
            sender.say(&room, "the sender may always").await;
        }
        for _ in 0..2 {
            ghost.say(&room, "twice").await;
        }

        assert_eq!(ghost.try_say(&room, "thrice").await.is_err(), is_slowed_down);
    }
}
