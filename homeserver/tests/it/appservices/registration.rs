//! Names that belong to application services, and how they register and log in their users.

use homeserver::error::ErrorKind;
use homeserver_testing::{Answer, TestAppService, TestServer, TestUser, segment};
use reqwest::StatusCode;
use serde_json::{Value, json};

async fn register(user: &TestUser, body: Value) -> Answer<Value> {
    user.post("/_matrix/client/v3/register", body).await
}

async fn log_in(user: &TestUser, whom: &str) -> Answer<Value> {
    let body = json!({ "type": "m.login.application_service", "identifier": { "type": "m.id.user", "user": whom } });
    user.post("/_matrix/client/v3/login", body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_is_there_when_the_server_has_started() {
    let service = TestAppService::start().await;
    let server = service.server().await;

    let answer = service.sender(&server).get("/_matrix/client/v3/account/whoami").await.expect("there is an answer");

    assert_eq!(answer, json!({ "user_id": "@_irc_bot:test.local" }));
    let server = server.restart().await;
    service.sender(&server).get("/_matrix/client/v3/account/whoami").await.expect("it is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_service_registers_users_whatever_the_mode() {
    let service = TestAppService::start().await;
    let server = TestServer::start_with(|config| {
        service.register(config);
        config.registration.mode = homeserver::config::RegistrationMode::Closed;
    })
    .await;

    let inhibited = service.try_register_user(&server, "_irc_alice").await.expect("it can be registered");
    let body = json!({ "type": "m.login.application_service", "username": "_irc_bob" });
    let with_session = register(&service.sender(&server), body).await.expect("it can be registered");

    assert_eq!(inhibited, json!({ "user_id": "@_irc_alice:test.local" }));
    assert_eq!(with_session["user_id"], "@_irc_bob:test.local");
    let token = with_session["access_token"].as_str().expect("a token");
    let device_id = with_session["device_id"].as_str().expect("a device");
    let bob = service.sender(&server).with_session(device_id, token);
    assert!(bob.is_logged_in().await);
    let again = service.try_register_user(&server, "_irc_alice").await.expect_err("it is taken");
    again.assert_is(&ErrorKind::UserInUse);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_service_logs_its_users_in() {
    let service = TestAppService::start().await;
    let server = service.server().await;
    let alice = service.register_user(&server, "_irc_alice").await;
    server.user("bob").await;

    let answer = log_in(&service.sender(&server), "_irc_alice").await.expect("it can log in");
    let by_id = log_in(&service.sender(&server), "@_irc_alice:test.local").await;

    let session = alice.with_session("NONE", answer["access_token"].as_str().expect("a token"));
    assert!(session.is_logged_in().await);
    by_id.expect("it can log in by its ID");
    let elsewhere = log_in(&service.sender(&server), "bob").await.expect_err("he is not its user");
    elsewhere.assert_is(&ErrorKind::Exclusive);
    assert_eq!(elsewhere.status, StatusCode::BAD_REQUEST);
    let flows = server.anonymous().get("/_matrix/client/v3/login").await.expect("the flows are told");
    assert!(flows["flows"].as_array().expect("a list").contains(&json!({ "type": "m.login.application_service" })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_token_is_needed() {
    let service = TestAppService::start().await;
    let server = service.server().await;
    let bob = server.user("bob").await;
    let body = json!({ "type": "m.login.application_service", "username": "_irc_alice" });

    for (user, errcode) in [(server.anonymous(), "M_MISSING_TOKEN"), (bob, "M_UNKNOWN_TOKEN")] {
        for refused in [register(&user, body.clone()).await, log_in(&user, "_irc_bot").await] {
            let refused = refused.expect_err("this is no application service");
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{refused:?}");
            assert_eq!(refused.body["errcode"], errcode);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_in_an_exclusive_namespace_are_the_application_services_alone() {
    let service = TestAppService::start_with(|registration| {
        registration["namespaces"]["users"] =
            json!([{ "exclusive": true, "regex": "@irc_.*" }, { "exclusive": false, "regex": "@shared_.*" }]);
    })
    .await;
    let other = TestAppService::start_with(|registration| {
        registration["id"] = json!("other");
        registration["as_token"] = json!("another token");
        registration["sender_localpart"] = json!("other");
        registration["namespaces"]["users"] = json!([{ "exclusive": false, "regex": "@.*" }]);
    })
    .await;
    let server = TestServer::start_with(|config| {
        service.register(config);
        other.register(config);
    })
    .await;
    let body = |name: &str| json!({ "username": name, "password": "long enough", "auth": { "type": "m.login.dummy" } });

    for name in ["irc_alice", "_irc_bot"] {
        register(&server.anonymous(), body(name)).await.expect_err("it is reserved or taken");
    }
    let refusal = register(&server.anonymous(), body("irc_alice")).await.expect_err("it is reserved");
    let available = server.anonymous().get("/_matrix/client/v3/register/available?username=irc_alice").await;
    let by_other = other.try_register_user(&server, "irc_alice").await.expect_err("it is reserved for the first");
    let outside = service.try_register_user(&server, "alice").await.expect_err("it is not in its namespace");

    for refusal in [refusal, available.expect_err("it is reserved"), by_other, outside] {
        refusal.assert_is(&ErrorKind::Exclusive);
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
    }
    register(&server.anonymous(), body("shared_alice")).await.expect("it is not exclusive");
    other.try_register_user(&server, "alice").await.expect("it is in its namespace");
}

#[tokio::test(flavor = "multi_thread")]
async fn aliases_in_an_exclusive_namespace_are_the_application_services_alone() {
    let service = TestAppService::start().await;
    let server = service.server().await;
    let alice = server.user("alice").await;
    let ghost = service.register_user(&server, "_irc_ghost").await;
    let (room, bridged) = (alice.create_room().await, ghost.create_room().await);
    let path = |alias: &str| format!("/_matrix/client/v3/directory/room/{}", segment(alias));

    let by_alice = alice.put(&path("#_irc_room:test.local"), json!({ "room_id": room })).await;
    let with_a_room = alice.post("/_matrix/client/v3/createRoom", json!({ "room_alias_name": "_irc_room" })).await;
    let outside = ghost.put(&path("#room:test.local"), json!({ "room_id": bridged })).await;
    ghost.put(&path("#_irc_room:test.local"), json!({ "room_id": bridged })).await.expect("it is its own");
    let deleted = alice.delete(&path("#_irc_room:test.local")).await;

    for refused in [by_alice, with_a_room, outside, deleted] {
        refused.expect_err("it is reserved, or outside").assert_is(&ErrorKind::Exclusive);
    }
    ghost.delete(&path("#_irc_room:test.local")).await.expect("it is its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_registrations_cannot_be_the_same() {
    let names = ["id", "as_token"];
    let services = [TestAppService::start().await, TestAppService::start().await];
    let server = server_name();

    for name in names {
        let mut other = TestAppService::start_with(|registration| {
            for name in names {
                registration[name] = json!("other");
            }
            registration[name] = services[0].registration[name].clone();
        })
        .await;
        let mut config = homeserver::config::Config::default();
        services[0].register(&mut config);
        other.register(&mut config);

        let loaded = homeserver::accounts::appservices::AppServices::load(&config.appservices.registrations, &server);

        let refusal = loaded.expect_err("they are the same").to_string();
        assert!(refusal.ends_with(&format!("{name} is also that of another registration")), "{refusal}");
        assert!(other.try_told().is_none());
    }
}

fn server_name() -> ruma::OwnedServerName {
    "test.local".try_into().expect("the name is valid")
}
