//! Application services that call the access API for people whom they name.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestAppService, TestServer, TestUser, segment};
use reqwest::Method;
use serde_json::{Value, json};

use super::{API, administrator, assert_forbidden};

/// A server, an application service that it trusts, and an administrator.
async fn start() -> (TestServer, TestAppService, TestUser) {
    let service = TestAppService::start().await;
    let server = TestServer::start_with(|config| {
        service.register(config);
        config.access.appservices = vec!["irc".to_owned()];
    })
    .await;
    let root = administrator(&server).await;
    (server, service, root)
}

/// Calls for a user; the status and the body.
async fn call(by: &TestUser, acting: Option<&str>, method: Method, path: &str, body: Value) -> (u16, Value) {
    let mut request = by.call(method, &format!("{API}{path}")).json(&body);
    if let Some(user) = acting {
        request = request.header("X-Acting-User", user);
    }
    let answer = request.send().await.expect("it answers");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_service_writes_rules_in_the_name_of_whom_it_names() {
    let (server, service, _root) = start().await;
    let alice = server.user("alice").await;
    let bot = service.sender(&server);
    let rule = json!({ "kind": "email_domain", "value": "spam.test", "scope": "registration", "effect": "deny" });

    let (written, answer) = call(&bot, Some(alice.id.as_str()), Method::PUT, "/rules/one", rule.clone()).await;
    let (own, of_own) = call(&bot, None, Method::PUT, "/rules/two", rule.clone()).await;
    let (nobody, _) = call(&bot, Some("@nobody:test.local"), Method::PUT, "/rules/three", rule.clone()).await;
    let (wrong, _) = call(&bot, Some("alice"), Method::PUT, "/rules/three", rule).await;

    assert_eq!((written, &answer["rule"]["author"]), (200, &json!(alice.id)));
    assert_eq!((own, &of_own["rule"]["author"]), (200, &json!(bot.id)));
    assert_eq!((nobody, wrong), (404, 400));
    assert_forbidden(alice.get(&format!("{API}/rules")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_trusted_calls_for_nobody() {
    let service = TestAppService::start().await;
    let server = service.server().await;
    let root = administrator(&server).await;

    let (status, answer) =
        call(&service.sender(&server), Some(root.id.as_str()), Method::GET, "/rules", json!({})).await;

    assert_eq!((status, &answer["errcode"]), (403, &json!(ErrorKind::Forbidden.errcode().to_string())));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_rooms_it_may_what_the_person_may() {
    let (server, service, _root) = start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let bot = service.sender(&server);
    let room = alice.create_public_room().await;
    bob.coming_from("127.0.5.1").join(&room).await;
    let path = format!("/rooms/{}/networks?user_id={}", segment(room.as_str()), segment(bob.id.as_str()));

    let (allowed, _) = call(&bot, Some(alice.id.as_str()), Method::GET, &path, json!({})).await;
    let (refused, _) = call(&bot, Some(bob.id.as_str()), Method::GET, &path, json!({})).await;

    assert_eq!((allowed, refused), (200, 403));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_learns_who_administrates_and_locks_accounts() {
    let (server, service, root) = start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let bot = service.sender(&server);
    let of_bob = format!("/accounts/{}", segment(bob.id.as_str()));
    let of_root = format!("/accounts/{}", segment(root.id.as_str()));

    let (_, staff) = call(&bot, None, Method::GET, "/staff", json!({})).await;
    let (_, locked) = call(&bot, Some(alice.id.as_str()), Method::PUT, &of_bob, json!({ "locked": true })).await;
    let refusal = bob.get("/_matrix/client/v3/account/whoami").await.expect_err("it is locked");
    let (_, unlocked) = call(&bot, Some(alice.id.as_str()), Method::PUT, &of_bob, json!({ "locked": false })).await;
    let (root_refused, _) = call(&bot, Some(alice.id.as_str()), Method::PUT, &of_root, json!({ "locked": true })).await;

    assert_eq!(staff["administrators"], json!([root.id]));
    assert_eq!((&locked["locked"], &locked["suspended"]), (&json!(true), &json!(false)));
    refusal.assert_is(&ErrorKind::UserLocked);
    assert_eq!(unlocked["locked"], false);
    assert_eq!(root_refused, 403);
    bob.get("/_matrix/client/v3/account/whoami").await.expect("it is good again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_closed_once() {
    let (server, service, root) = start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let bot = service.sender(&server);
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let path = format!("/rooms/{}", segment(room.as_str()));

    let (status, first) = call(&bot, Some(root.id.as_str()), Method::DELETE, &path, json!({})).await;
    let (_, second) = call(&bot, Some(root.id.as_str()), Method::DELETE, &path, json!({})).await;
    let id = first["shutdown_id"].as_str().expect("an ID");
    server.app.moderation.ended_shutdown(id).await.expect("it ends");

    assert_eq!((status, &first), (200, &second));
    bob.try_join(&room).await.expect_err("nobody comes in again");
    let joined = bob.get("/_matrix/client/v3/joined_rooms").await.expect("it can be read");
    assert_eq!(joined["joined_rooms"], json!([]));
}
