//! Registration: who may, under which name, and how it is proved.

use std::time::Duration;

use homeserver::{
    accounts::registration::NewRegistrationToken, audit::Actor, config::RegistrationMode, error::ErrorKind,
};
use homeserver_testing::{Answer, TestServer};
use serde_json::{Value, json};

const REGISTER: &str = "/_matrix/client/v3/register";

async fn register(server: &TestServer, body: Value) -> Answer<Value> {
    server.anonymous().post(REGISTER, body).await
}

fn dummy(name: &str) -> Value {
    json!({ "username": name, "password": "long enough", "auth": { "type": "m.login.dummy" } })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_answer_tells_what_to_prove_and_names_a_session() {
    let server = TestServer::start().await;

    let refusal = register(&server, json!({})).await.expect_err("nothing is proved yet");

    assert_eq!(refusal.status, 401);
    assert_eq!(refusal.body["flows"], json!([{ "stages": ["m.login.dummy"] }]));
    assert_eq!(refusal.body["params"], json!({}));
    assert!(refusal.body["session"].is_string());
    assert_eq!(refusal.body.get("errcode"), None);

    let mut body = dummy("alice");
    body["auth"]["session"] = refusal.body["session"].clone();
    let answer = register(&server, body).await.expect("the stage is completed");
    assert_eq!(answer["user_id"], "@alice:test.local");
    assert!(answer["access_token"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_can_be_named_and_login_inhibited() {
    let server = TestServer::start().await;

    let mut body = dummy("alice");
    body["device_id"] = json!("PHONE");
    body["initial_device_display_name"] = json!("Alice's phone");
    let alice = register(&server, body).await.expect("the name is free");
    let mut body = dummy("bob");
    body["inhibit_login"] = json!(true);
    let bob = register(&server, body).await.expect("the name is free");

    assert_eq!(alice["device_id"], "PHONE");
    let alice = server.anonymous().with_session("PHONE", alice["access_token"].as_str().expect("a token"));
    let device = alice.get("/_matrix/client/v3/devices/PHONE").await.expect("the device exists");
    assert_eq!(device["display_name"], "Alice's phone");
    assert_eq!(bob, json!({ "user_id": "@bob:test.local" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn capitals_are_lowered_and_a_missing_name_is_made_up() {
    let server = TestServer::start().await;

    let alice = register(&server, dummy("ALICE")).await.expect("the name is possible");
    let body = json!({ "password": "long enough", "auth": { "type": "m.login.dummy" } });
    let somebody = register(&server, body).await.expect("a name is made up");

    assert_eq!(alice["user_id"], "@alice:test.local");
    assert!(somebody["user_id"].as_str().is_some_and(|id| id.ends_with(":test.local") && id.len() > 15));
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_reserved_and_taken_names_are_refused_before_anything_is_proved() {
    let server = TestServer::start_with(|config| config.registration.reserved_names = vec!["admin*".to_owned()]).await;
    server.user("alice").await;
    let available = |name: &'static str| {
        let anonymous = server.anonymous();
        async move { anonymous.get(&format!("/_matrix/client/v3/register/available?username={name}")).await }
    };
    let cases = [
        ("al:ice", ErrorKind::InvalidUsername),
        ("_bridge", ErrorKind::InvalidUsername),
        ("", ErrorKind::InvalidUsername),
        ("administrator", ErrorKind::Exclusive),
        ("alice", ErrorKind::UserInUse),
        ("Alice", ErrorKind::UserInUse),
    ];

    for (name, kind) in cases {
        let refusal = register(&server, json!({ "username": name })).await.expect_err(name);
        assert_eq!(refusal.status, 400);
        refusal.assert_is(&kind);
        available(name).await.expect_err(name).assert_is(&kind);
    }
    assert_eq!(available("bob").await.expect("the name is free"), json!({ "available": true }));
}

#[tokio::test(flavor = "multi_thread")]
async fn weak_missing_and_endless_passwords_are_refused() {
    let server = TestServer::start().await;

    let mut weak = dummy("alice");
    weak["password"] = json!("short");
    let mut endless = dummy("alice");
    endless["password"] = json!("x".repeat(10_000));
    let mut missing = dummy("alice");
    missing.as_object_mut().expect("an object").remove("password");

    register(&server, weak).await.expect_err("too short").assert_is(&ErrorKind::WeakPassword);
    register(&server, endless).await.expect_err("too long").assert_is(&ErrorKind::InvalidParam);
    register(&server, missing).await.expect_err("none").assert_is(&ErrorKind::MissingParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn weak_and_stolen_passwords_are_refused() {
    let list = tempfile::NamedTempFile::new().expect("a file can be made");
    std::fs::write(list.path(), "some stolen words of somebody\n").expect("it can be written");
    let server = TestServer::start_with(|config| {
        config.passwords.minimum_strength = Some(2);
        config.passwords.breached_file = Some(list.path().to_owned());
    })
    .await;
    let with =
        |password: &str| json!({ "username": "alice", "password": password, "auth": { "type": "m.login.dummy" } });

    for password in ["password", "qwertyuiop", "test.local", "some stolen words of somebody"] {
        let refusal = register(&server, with(password)).await.expect_err(password);
        assert_eq!(refusal.status, 400);
        refusal.assert_is(&ErrorKind::WeakPassword);
    }

    let answer = register(&server, with("nobody knows these words")).await.expect("it is hard to guess");
    let alice = server.anonymous().with_session("PHONE", answer["access_token"].as_str().expect("a token"));
    let body = json!({ "new_password": "password" });
    let refusal = alice.post("/_matrix/client/v3/account/password", body).await.expect_err("it is weak");
    refusal.assert_is(&ErrorKind::WeakPassword);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_registers_on_a_closed_server() {
    let server = TestServer::start_with(|config| config.registration.mode = RegistrationMode::Closed).await;

    for body in [json!({}), dummy("alice")] {
        let refusal = register(&server, body).await.expect_err("the server is closed");
        assert_eq!(refusal.status, 403);
        refusal.assert_is(&ErrorKind::Forbidden);
    }
    let path = "/_matrix/client/v1/register/m.login.registration_token/validity?token=x";
    server.anonymous().get(path).await.expect_err("the server is closed").assert_is(&ErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_are_refused() {
    let server = TestServer::start().await;

    let refusal = server.anonymous().post(&format!("{REGISTER}?kind=guest"), json!({})).await;

    let refusal = refusal.expect_err("there are no guests");
    assert_eq!(refusal.status, 403);
    refusal.assert_is(&ErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_token_lets_so_many_register_and_no_more() {
    let server = TestServer::start_with(|config| config.registration.mode = RegistrationMode::Token).await;
    let new = NewRegistrationToken { token: None, uses_allowed: Some(1), lifetime: None };
    let token = server.app.accounts.registration.create_token(Actor::operator(), new).await.expect("it can be created");
    let with = |name: &str, token: &str| {
        let auth = json!({ "type": "m.login.registration_token", "token": token });
        json!({ "username": name, "password": "long enough", "auth": auth })
    };

    let dummy = register(&server, dummy("alice")).await.expect_err("a token is asked for");
    let wrong = register(&server, with("alice", "wrong")).await.expect_err("the token is wrong");
    let first = register(&server, with("alice", &token)).await;
    let second = register(&server, with("bob", &token)).await.expect_err("the token is used up");

    assert_eq!(dummy.body["flows"], json!([{ "stages": ["m.login.registration_token"] }]));
    assert_eq!(wrong.status, 401);
    assert_eq!(wrong.body["errcode"], "M_FORBIDDEN");
    assert!(wrong.body["session"].is_string());
    assert_eq!(first.expect("the token is good")["user_id"], "@alice:test.local");
    assert_eq!(second.status, 401);
    let tokens = server.app.accounts.registration.list_tokens().await.expect("they can be listed");
    assert_eq!((tokens[0].token.as_str(), tokens[0].uses), (token.as_str(), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_registration_does_not_use_up_the_token() {
    let server = TestServer::start_with(|config| config.registration.mode = RegistrationMode::Token).await;
    let new = NewRegistrationToken { token: Some("invited".to_owned()), uses_allowed: Some(1), lifetime: None };
    server.app.accounts.registration.create_token(Actor::operator(), new).await.expect("it can be created");
    let auth = json!({ "type": "m.login.registration_token", "token": "invited" });
    let body =
        |device: &str| json!({ "username": "alice", "password": "long enough", "auth": auth, "device_id": device });

    register(&server, body("")).await.expect_err("no device is called so").assert_is(&ErrorKind::InvalidParam);

    register(&server, body("PHONE")).await.expect("the token is still good");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_token_ends() {
    let server = TestServer::start_with(|config| config.registration.mode = RegistrationMode::Token).await;
    let lifetime = Some(Duration::from_secs(60));
    let new = NewRegistrationToken { token: Some("invited".to_owned()), uses_allowed: None, lifetime };
    server.app.accounts.registration.create_token(Actor::operator(), new).await.expect("it can be created");
    let is_valid = |token: &str| {
        let path = format!("/_matrix/client/v1/register/m.login.registration_token/validity?token={token}");
        let anonymous = server.anonymous();
        async move { anonymous.get(&path).await.expect("it can be asked")["valid"].clone() }
    };

    assert_eq!(is_valid("invited").await, true);
    assert_eq!(is_valid("unknown").await, false);
    server.app.clock.advance(Duration::from_secs(61));
    assert_eq!(is_valid("invited").await, false);
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_that_know_the_secret_create_accounts_even_on_a_closed_server() {
    let server = TestServer::start_with(|config| config.registration.mode = RegistrationMode::Closed).await;
    let secret = std::fs::read_to_string(server.app.config.registration_secret_file()).expect("the secret is there");
    let path = "/_synapse/admin/v1/register";
    let nonce = server.anonymous().get(path).await.expect("there is a nonce")["nonce"].clone();
    let nonce = nonce.as_str().expect("a text");
    let body = |name: &str, admin: bool, secret: &str| {
        let role = if admin { "admin" } else { "notadmin" };
        let mac = hmac_sha1(secret.trim(), &[nonce, name, "long enough", role].join("\0"));
        json!({ "nonce": nonce, "username": name, "password": "long enough", "admin": admin, "mac": mac })
    };

    let admin = server.anonymous().post(path, body("Root", true, &secret)).await.expect("the proof is right");
    let wrong = server.anonymous().post(path, body("mallory", true, "guessed")).await;
    let again = server.anonymous().post(path, body("Root", true, &secret)).await;
    server.app.clock.advance(Duration::from_secs(61));
    let late = server.anonymous().post(path, body("bob", false, &secret)).await;

    assert_eq!(admin["user_id"], "@root:test.local");
    let account = server.app.accounts.administration.find("@root:test.local".try_into().expect("valid")).await;
    assert!(account.expect("the account exists").is_admin);
    wrong.expect_err("the proof is wrong").assert_is(&ErrorKind::Forbidden);
    again.expect_err("the name is taken").assert_is(&ErrorKind::UserInUse);
    late.expect_err("the nonce has expired").assert_is(&ErrorKind::Unknown);
}

/// The proof that scripts make, computed independently of the server.
fn hmac_sha1(key: &str, message: &str) -> String {
    use hmac::{Hmac, Mac};

    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(key.as_bytes()).expect("any key will do");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
