//! Logging in and out, and exchanging tokens.

use std::time::Duration;

use homeserver::{accounts::passwords, config::Passwords, error::ErrorKind};
use homeserver_testing::{Answer, TestServer, TestUser};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn the_ways_to_log_in_are_listed() {
    let server = TestServer::start().await;

    let answer = server.anonymous().get("/_matrix/client/v3/login").await.expect("it can be asked");

    let flows = json!([
        { "type": "m.login.password" },
        { "type": "m.login.sso" },
        { "type": "m.login.token", "get_login_token": true },
        { "type": "m.login.application_service" },
    ]);
    assert_eq!(answer["flows"], flows);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_log_in_by_user_id_localpart_or_the_old_field() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let identifiers = [
        json!({ "identifier": { "type": "m.id.user", "user": "@alice:test.local" } }),
        json!({ "identifier": { "type": "m.id.user", "user": "alice" } }),
        json!({ "identifier": { "type": "m.id.user", "user": "@ALICE:test.local" } }),
        json!({ "identifier": null, "user": "alice" }),
    ];

    for identifier in identifiers {
        let mut body = json!({ "type": "m.login.password", "password": alice.password() });
        for (name, value) in identifier.as_object().expect("an object").iter().filter(|(_, value)| !value.is_null()) {
            body[name] = value.clone();
        }
        for version in ["v3", "r0"] {
            let path = format!("/_matrix/client/{version}/login");
            let answer = server.anonymous().post(&path, body.clone()).await.expect("the password is right");
            assert_eq!(answer["user_id"], "@alice:test.local", "{body}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_names_and_passwords_are_refused_alike() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let user = |user: &str| json!({ "identifier": { "type": "m.id.user", "user": user } });

    let wrong = alice.try_login(json!({ "password": "wrong" })).await.expect_err("the password is wrong");
    let unknown = alice.try_login(user("@nobody:test.local")).await.expect_err("there is no such user");
    let remote = alice.try_login(user("@alice:elsewhere.test")).await.expect_err("it is a user of another server");
    let email = json!({ "identifier": { "type": "m.id.thirdparty", "medium": "email", "address": "a@b.c" } });
    let email = alice.try_login(email).await.expect_err("there are no e-mail addresses");

    for refusal in [&wrong, &unknown, &remote, &email] {
        assert_eq!(refusal.status, 403);
        refusal.assert_is(&ErrorKind::Forbidden);
    }
    assert_eq!(wrong.body, unknown.body);
    assert_eq!(wrong.body, remote.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_missing_login_types_are_refused() {
    let server = TestServer::start().await;
    let post = |body: Value| {
        let anonymous = server.anonymous();
        async move { anonymous.post("/_matrix/client/v3/login", body).await.expect_err("this is no login") }
    };

    post(json!({ "type": "m.login.magic" })).await.assert_is(&ErrorKind::Unknown);
    post(json!({})).await.assert_is(&ErrorKind::BadJson);
    post(json!({ "type": 1 })).await.assert_is(&ErrorKind::BadJson);
    post(json!({ "type": "m.login.password", "password": "x" })).await.assert_is(&ErrorKind::BadJson);
    post(json!({ "type": "m.login.password", "user": "alice", "password": 1 })).await.assert_is(&ErrorKind::BadJson);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_logs_in_again_keeps_its_name_and_loses_its_old_token() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let login = |name: &'static str| {
        let alice = alice.clone();
        let more = json!({ "device_id": "PHONE", "initial_device_display_name": name });
        async move { alice.try_login(more).await.expect("the password is right") }
    };

    let first = session(&alice, &login("Phone").await);
    assert!(first.is_logged_in().await);
    let second = session(&alice, &login("Other").await);

    assert!(!first.is_logged_in().await);
    assert!(second.is_logged_in().await);
    let device = second.get("/_matrix/client/v3/devices/PHONE").await.expect("the device exists");
    assert_eq!(device["display_name"], "Phone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_token_is_good_once_and_for_two_minutes() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let issue = || {
        let alice = alice.clone();
        async move {
            let body = json!({ "auth": alice.confirmation() });
            let answer = alice.post("/_matrix/client/v1/login/get_token", body).await.expect("it is confirmed");
            assert_eq!(answer["expires_in_ms"], 120_000);
            answer["login_token"].as_str().expect("a token").to_owned()
        }
    };
    let login = |token: String| {
        let anonymous = server.anonymous();
        let body = json!({ "type": "m.login.token", "token": token });
        async move { anonymous.post("/_matrix/client/v3/login", body).await }
    };

    let token = issue().await;
    let first = login(token.clone()).await.expect("the token is fresh");
    let second = login(token).await.expect_err("the token is used up");
    let late = issue().await;
    server.app.clock.advance(Duration::from_secs(121));
    let late = login(late).await.expect_err("the token has expired");

    assert_eq!(first["user_id"], "@alice:test.local");
    second.assert_is(&ErrorKind::Forbidden);
    late.assert_is(&ErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_token_is_only_issued_on_confirmation() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let refusal = alice.post("/_matrix/client/v1/login/get_token", json!({})).await.expect_err("it is not confirmed");

    assert_eq!(refusal.status, 401);
    assert_eq!(refusal.body["flows"], json!([{ "stages": ["m.login.password"] }, { "stages": ["m.login.sso"] }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_one_session_or_all() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let [phone, laptop] = [alice.login().await, alice.login().await];

    phone.post("/_matrix/client/v3/logout", json!({})).await.expect("a session can be ended");
    let refusal = phone.get("/_matrix/client/v3/account/whoami").await.expect_err("the session has ended");
    assert_eq!(refusal.status, 401);
    refusal.assert_is(&unknown_token());
    assert_eq!(refusal.body.get("soft_logout"), None);
    assert_eq!(devices(&alice).await, [alice.device_id.as_str(), laptop.device_id.as_str()]);

    laptop.post("/_matrix/client/v3/logout/all", json!({})).await.expect("all sessions can be ended");
    assert!(!laptop.is_logged_in().await);
    assert!(!alice.is_logged_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_and_missing_access_tokens_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let wrong = alice.with_session("NONE", "wrong").post("/_matrix/client/v3/logout", json!({})).await;
    let missing = alice.logged_out().post("/_matrix/client/v3/logout", json!({})).await;

    let (wrong, missing) = (wrong.expect_err("the token is wrong"), missing.expect_err("there is no token"));
    assert_eq!((wrong.status, missing.status), (reqwest::StatusCode::UNAUTHORIZED, reqwest::StatusCode::UNAUTHORIZED));
    wrong.assert_is(&unknown_token());
    missing.assert_is(&ErrorKind::MissingToken);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_access_token_is_a_soft_logout_and_can_be_refreshed() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let answer = alice.try_login(json!({ "refresh_token": true })).await.expect("the password is right");
    assert_eq!(answer["expires_in_ms"], 3_600_000);
    let phone = session(&alice, &answer);
    assert!(phone.is_logged_in().await);

    server.app.clock.advance(Duration::from_secs(3601));
    let refusal = phone.get("/_matrix/client/v3/account/whoami").await.expect_err("the token has expired");
    let fresh = refresh(&server, &answer["refresh_token"]).await.expect("the refresh token is good");

    assert_eq!(refusal.status, 401);
    refusal.assert_is(&unknown_token());
    assert_eq!(refusal.body["soft_logout"], true);
    let phone = phone.with_session(phone.device_id.clone(), fresh["access_token"].as_str().expect("a token"));
    let who = phone.get("/_matrix/client/v3/account/whoami").await.expect("the token is fresh");
    assert_eq!(who["device_id"], phone.device_id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_stays_good_until_its_successors_are_used() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let answer = alice.try_login(json!({ "refresh_token": true })).await.expect("the password is right");
    let old = session(&alice, &answer);

    let lost = refresh(&server, &answer["refresh_token"]).await.expect("it is good");
    let second = refresh(&server, &answer["refresh_token"]).await.expect("the answer to the first was lost");
    assert!(old.is_logged_in().await, "nothing that came after it was used yet");
    refresh(&server, &lost["refresh_token"]).await.expect_err("the second exchange took the first one's place");
    let new = old.with_session(old.device_id.clone(), second["access_token"].as_str().expect("a token"));
    assert!(new.is_logged_in().await);

    assert!(!old.is_logged_in().await, "its successor was used");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_refresh_token_that_turns_up_again_ends_what_came_of_it() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let answer = alice.try_login(json!({ "refresh_token": true })).await.expect("the password is right");
    let fresh = refresh(&server, &answer["refresh_token"]).await.expect("it is good");
    let phone = session(&alice, &answer);
    let phone = phone.with_session(phone.device_id.clone(), fresh["access_token"].as_str().expect("a token"));
    assert!(phone.is_logged_in().await);

    for _ in 0..2 {
        let refusal = refresh(&server, &answer["refresh_token"]).await.expect_err("it was used before");
        assert_eq!(refusal.status, 401);
        refusal.assert_is(&unknown_token());
        assert_eq!(refusal.body["soft_logout"], true);
    }

    assert!(!phone.is_logged_in().await);
    refresh(&server, &fresh["refresh_token"]).await.expect_err("it may be a thief's").assert_is(&unknown_token());
    assert!(devices(&alice).await.contains(&phone.device_id.to_string()), "the device can log in again");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_refresh_tokens_and_access_tokens_cannot_be_exchanged() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    for token in ["unknown", &alice.token] {
        let refusal = refresh(&server, &json!(token)).await.expect_err("this is no refresh token");
        assert_eq!(refusal.status, 401);
        refusal.assert_is(&unknown_token());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_with_old_parameters_is_replaced_at_login() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let config = Passwords { memory_kib: 8, passes: 1, ..Passwords::default() };
    let old = passwords::Passwords::new(&config).expect("the parameters are possible").hash("password").await;
    let old = old.expect("it is hashed");
    server.execute(&format!("update accounts set password_hash = '{old}' where localpart = 'alice'")).await;

    let login = alice.try_login(json!({ "password": "password" })).await;

    login.expect("the password is right");
    let account = server.app.accounts.administration.find(&alice.id).await.expect("the account exists");
    let hash = account.password_hash.expect("there is a password");
    assert!(hash.starts_with("$argon2id$v=19$m=16,t=1,p=1$"), "{hash}");
    alice.try_login(json!({ "password": "password" })).await.expect("the password is the same");
}

fn session(user: &TestUser, answer: &Value) -> TestUser {
    let device_id = answer["device_id"].as_str().expect("a device ID");
    user.with_session(device_id, answer["access_token"].as_str().expect("an access token"))
}

async fn refresh(server: &TestServer, token: &Value) -> Answer<Value> {
    server.anonymous().post("/_matrix/client/v3/refresh", json!({ "refresh_token": token })).await
}

async fn devices(user: &TestUser) -> Vec<String> {
    let answer = user.get("/_matrix/client/v3/devices").await.expect("devices can be listed");
    let devices = answer["devices"].as_array().expect("a list").iter();
    devices.map(|device| device["device_id"].as_str().expect("an ID").to_owned()).collect()
}

fn unknown_token() -> ErrorKind {
    ErrorKind::UnknownToken(ruma::api::error::UnknownTokenErrorData::new())
}
