//! Who comes in.

use homeserver::error::ErrorKind;
use homeserver_testing::TestServer;
use serde_json::json;

use super::{API, administrator, path};

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_come_in() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let calls = [
        ("GET", "/v1/server_version"),
        ("GET", "/v2/users"),
        ("GET", "/v3/users"),
        ("GET", "/v2/users/@alice:test.local"),
        ("PUT", "/v2/users/@alice:test.local"),
        ("GET", "/v1/users/@alice:test.local/admin"),
        ("PUT", "/v1/users/@alice:test.local/admin"),
        ("POST", "/v1/deactivate/@alice:test.local"),
        ("PUT", "/v1/suspend/@alice:test.local"),
        ("POST", "/v1/reset_password/@alice:test.local"),
        ("POST", "/v1/user/@alice:test.local/redact"),
        ("GET", "/v1/rooms"),
        ("DELETE", "/v2/rooms/!room:test.local"),
        ("PUT", "/v1/rooms/!room:test.local/block"),
        ("GET", "/v1/event_reports"),
    ];

    for (method, rest) in calls {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let body = (method != reqwest::Method::GET).then(|| json!({}));
        let refusal = alice.request(method.clone(), &format!("{API}{rest}"), body.clone()).await.expect_err(rest);
        refusal.assert_is(&ErrorKind::Forbidden);
        let anonymous = server.anonymous().request(method, &format!("{API}{rest}"), body).await.expect_err(rest);
        anonymous.assert_is(&ErrorKind::MissingToken);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_may_be_encoded_or_not_and_unknown_ones_are_told_from_others() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;

    let raw = root.get(&format!("{API}/v2/users/@root:test.local")).await.expect("the user is there");
    let encoded = root.get(&path("/v2/users", &root.id, "")).await.expect("the user is there");
    let unknown = root.get(&format!("{API}/v1/no_such_thing")).await.expect_err("there is no such endpoint");

    assert_eq!((&raw["name"], &encoded["name"]), (&json!(root.id), &json!(root.id)));
    unknown.assert_is(&ErrorKind::Unrecognized);
    assert_eq!(unknown.status, reqwest::StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_may_ask_from_other_sites() {
    let server = TestServer::start().await;

    let url = format!("{}{API}/v2/users", server.url());
    let answer = server.http().request(reqwest::Method::OPTIONS, url).send().await.expect("the server answers");

    assert!(answer.status().is_success());
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_is_told() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;

    let answer = root.get(&format!("{API}/v1/server_version")).await.expect("it is told");

    assert!(answer["server_version"].as_str().is_some_and(|version| version.starts_with("Salon")), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_can_be_kept_out_by_a_rule() {
    let server = TestServer::start().await;
    let [root, other] = [administrator(&server).await, server.user("other").await];
    root.put(&path("/v1/users", &other.id, "/admin"), json!({ "admin": true })).await.expect("it can be given");
    root.put(&path("/v1/users", &other.id, "/admin"), json!({ "admin": false })).await.expect("it can be taken");
    let rule = json!({ "kind": "user", "value": other.id, "scope": "feature:admin_api", "effect": "deny" });
    root.put("/_salon/access/v1/rules/r", rule).await.expect("the rule is allowed");
    root.put(&path("/v1/users", &other.id, "/admin"), json!({ "admin": true })).await.expect("it can be given");

    let refusal = other.get(&format!("{API}/v2/users")).await.expect_err("the rule is in the way");

    refusal.assert_is(&ErrorKind::Forbidden);
}
