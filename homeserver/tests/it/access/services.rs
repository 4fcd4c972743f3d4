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

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_names_the_person_and_the_service() {
    let (server, service, root) = start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let bot = service.sender(&server);
    let rule = json!({ "kind": "email_domain", "value": "spam.test", "scope": "registration", "effect": "deny" });
    let of_bob = format!("/accounts/{}", segment(bob.id.as_str()));

    call(&bot, Some(alice.id.as_str()), Method::PUT, "/rules/one", rule.clone()).await;
    call(&bot, Some(root.id.as_str()), Method::PUT, &of_bob, json!({ "suspended": true })).await;
    root.put(&format!("{API}/rules/two"), rule).await.expect("the rule is allowed");

    let events = server.app.audit.list(0, 1000).await.expect("the log can be read");
    let told: Vec<_> = events
        .iter()
        .filter(|event| ["rule_changed", "user_suspended"].contains(&&*event.action))
        .map(|event| (event.actor.as_deref(), &*event.role, event.details.get("application_service")))
        .collect();
    let irc = Some(json!("irc"));
    assert_eq!(
        told,
        [
            (Some(alice.id.as_str()), "user", irc.as_ref()),
            (Some(root.id.as_str()), "admin", irc.as_ref()),
            (Some(root.id.as_str()), "admin", None),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_it_vouches_for_does_not_become_master_of_the_administrators() {
    let (server, service, root) = start().await;
    let alice = server.user("alice").await;
    let bot = service.sender(&server);
    let rule = |value: &str, effect: &str| json!({ "kind": "user", "value": value, "scope": "feature:admin_api", "effect": effect });
    root.put(&format!("{API}/rules/theirs"), rule("@x:test.local", "deny")).await.expect("the rule is allowed");
    let named = Some(alice.id.as_str());
    let status = async |named, method, path: &str, body| call(&bot, named, method, path, body).await.0;

    assert_eq!(status(named, Method::PUT, "/rules/new", rule("@alice:test.local", "allow")).await, 403);
    assert_eq!(status(named, Method::DELETE, "/rules/theirs", json!({})).await, 403);
    assert_eq!(status(None, Method::DELETE, "/rules/theirs", json!({})).await, 403, "nor does the service itself");
    let approval = json!({ "approve": true, "scope": "feature:admin_api" });
    assert_eq!(status(named, Method::POST, "/approvals/@alice:test.local", approval).await, 403);
    let root_id = Some(root.id.as_str());
    assert_eq!(status(root_id, Method::DELETE, "/rules/theirs", json!({})).await, 200, "an administrator may");
    let out = json!({ "kind": "user", "value": "@root:*", "scope": "server", "effect": "deny" });
    assert_eq!(status(named, Method::PUT, "/rules/out", out).await, 403, "administrators are not locked out");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_shown_addresses_through_a_service() {
    let service = TestAppService::start().await;
    let server = TestServer::start_with(|config| {
        service.register(config);
        config.access.appservices = vec!["irc".to_owned()];
        config.access.address_readers = vec!["@root:test.local".try_into().expect("a user ID")];
    })
    .await;
    let root = administrator(&server).await;
    let path = format!("/sessions?user_id={}&reveal=true&reason=raid", root.id);

    let (through, _) = call(&service.sender(&server), Some(root.id.as_str()), Method::GET, &path, json!({})).await;

    assert_eq!(through, 403);
    root.get(&format!("{API}{path}")).await.expect("the person may");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_trusted_service_names_somebody_and_only_somebody_who_can_act() {
    let (server, service, root) = start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let bot = service.sender(&server);
    server.app.accounts.administration.set_admin(&bob.id, true).await.expect("the account is there");
    let suspend = json!({ "suspended": true });
    root.put(&format!("{API}/accounts/{}", segment(alice.id.as_str())), suspend).await.expect("she is suspended");

    let (by_person, _) = call(&root, Some(bob.id.as_str()), Method::GET, "/rules", json!({})).await;
    let (by_nobody, _) = call(&alice, Some(root.id.as_str()), Method::GET, "/rules", json!({})).await;
    let (themselves, _) = call(&root, Some(root.id.as_str()), Method::GET, "/rules", json!({})).await;
    let (suspended, _) = call(&bot, Some(alice.id.as_str()), Method::GET, "/rules", json!({})).await;

    assert_eq!((by_person, by_nobody, themselves, suspended), (403, 403, 200, 403));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_may_write_as_an_administrator_does_not_administrate() {
    let service = TestAppService::start_with(|registration| {
        registration["namespaces"]["users"] = json!([{ "exclusive": false, "regex": "@.*" }]);
    })
    .await;
    let server = service.server().await;
    let root = administrator(&server).await;
    let puppet = service.user(&server, "root");

    let acts = puppet.get("/_matrix/client/v3/account/whoami").await.expect("it may act as the administrator");
    let refused = puppet.get("/_synapse/admin/v2/users").await;

    assert_eq!(acts["user_id"], root.id.as_str());
    assert_forbidden(refused);
    root.get("/_synapse/admin/v2/users").await.expect("the administrator may");
}
