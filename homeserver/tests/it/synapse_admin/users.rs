//! Accounts, as administrators see and change them.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser};
use serde_json::{Value, json};

use super::{API, administrator, path, recorded};

async fn detail(by: &TestUser, of: &TestUser) -> Value {
    by.get(&path("/v2/users", &of.id, "")).await.expect("the user is there")
}

async fn put(by: &TestUser, of: &TestUser, body: Value) -> Value {
    by.put(&path("/v2/users", &of.id, ""), body).await.expect("the account can be changed")
}

fn names(answer: &Value) -> Vec<&str> {
    let users = answer["users"].as_array().expect("a list");
    users.iter().map(|user| user["name"].as_str().expect("a name")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_all_fields_with_their_types() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;

    let answer = detail(&root, &alice).await;

    let flags = ["is_guest", "admin", "deactivated", "erased", "shadow_banned", "locked", "suspended"];
    for flag in flags {
        assert_eq!(answer[flag], false, "{flag}: {answer}");
    }
    for nothing in ["displayname", "avatar_url", "user_type", "appservice_id", "consent_version", "consent_ts"] {
        assert!(answer.get(nothing).is_some_and(Value::is_null), "{nothing}: {answer}");
    }
    for list in ["threepids", "external_ids"] {
        assert_eq!(answer[list], json!([]), "{list}");
    }
    assert_eq!(answer["name"], alice.id.as_str());
    // In seconds here, in milliseconds in the list.
    let created = answer["creation_ts"].as_i64().expect("a number");
    let listed = root.get(&format!("{API}/v2/users?name=alice")).await.expect("users can be listed");
    assert_eq!(listed["users"][0]["creation_ts"].as_i64().map(|at| at / 1000), Some(created));
    assert!(answer["last_seen_ts"].is_i64(), "{answer}");
    let unknown = root.get(&format!("{API}/v2/users/@nobody:test.local")).await.expect_err("there is no such user");
    unknown.assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_created_and_changed() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = TestUser::anonymous(&server, "alice");
    let url = format!("{}{}", server.url(), path("/v2/users", &alice.id, ""));
    let body = json!({
        "password": alice.password(),
        "displayname": "Alice",
        "threepids": [{ "medium": "email", "address": "Alice@Example.org" }],
        "user_type": "bot",
    });

    let put = |body: Value| server.http().put(url.clone()).bearer_auth(&root.token).json(&body).send();
    let created = put(body).await.expect("the server answers");
    let changed = put(json!({ "displayname": "Alicia", "user_type": null })).await.expect("the server answers");

    assert_eq!((created.status().as_u16(), changed.status().as_u16()), (201, 200));
    let (created, changed): (Value, Value) =
        (created.json().await.expect("it is JSON"), changed.json().await.expect("it is JSON"));
    assert_eq!((&created["displayname"], &created["user_type"]), (&json!("Alice"), &json!("bot")));
    assert_eq!((&changed["displayname"], &changed["user_type"]), (&json!("Alicia"), &Value::Null));
    assert_eq!(changed["threepids"][0]["address"], "alice@example.org");
    assert_eq!(recorded(&server, "user.type").await.expect("it is recorded")["type"], Value::Null);
    alice.try_login(json!({})).await.expect("the password is set");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_as_it_is_changes_nothing() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;

    let body = json!({ "admin": true, "deactivated": false, "locked": false, "displayname": "", "threepids": [] });
    let answer = put(&root, &root, body).await;

    assert_eq!((&answer["admin"], &answer["deactivated"]), (&json!(true), &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_somebody_else_is_refused() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let ids = json!({ "threepids": [{ "medium": "email", "address": "a@example.org" }] });
    put(&root, &alice, ids.clone()).await;

    let refusal = root.put(&path("/v2/users", &bob.id, ""), ids).await.expect_err("it is taken");

    refusal.assert_is(&ErrorKind::ThreepidInUse);
    let other = json!({ "threepids": [{ "medium": "msisdn", "address": "123" }] });
    let refusal = root.put(&path("/v2/users", &bob.id, ""), other).await.expect_err("it is of no known kind");
    refusal.assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_listed_page_by_page() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    server.users(["alice", "bob", "carol"]).await;

    let first = root.get(&format!("{API}/v2/users?limit=2")).await.expect("users can be listed");
    let second = root.get(&format!("{API}/v2/users?limit=2&from=2&dir=f")).await.expect("users can be listed");
    let last = root.get(&format!("{API}/v3/users?limit=1&dir=b&order_by=name")).await.expect("users can be listed");

    assert_eq!(names(&first), ["@alice:test.local", "@bob:test.local"]);
    assert_eq!((&first["next_token"], &first["total"]), (&json!("2"), &json!(4)));
    assert_eq!(names(&second), ["@carol:test.local", "@root:test.local"]);
    assert_eq!(second.get("next_token"), None);
    assert_eq!(names(&last), ["@root:test.local"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_found_by_what_they_are() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob, carol, dave] = server.users(["alice", "bob", "carol", "dave"]).await;
    put(&root, &alice, json!({ "displayname": "Éva 100%" })).await;
    put(&root, &bob, json!({ "deactivated": true })).await;
    put(&root, &carol, json!({ "locked": true })).await;
    put(&root, &dave, json!({ "user_type": "bot" })).await;
    let list = async |version: &str, query: &str| {
        let answer = root.get(&format!("{API}/{version}/users?{query}")).await.expect("users can be listed");
        names(&answer).iter().map(|name| name[1..].split(':').next().expect("a name").to_owned()).collect::<Vec<_>>()
    };

    assert_eq!(list("v2", "name=eva").await, ["alice"]);
    assert_eq!(list("v2", "name=100%25").await, ["alice"]);
    assert_eq!(list("v2", "user_id=@ro").await, ["root"]);
    assert_eq!(list("v2", "").await, ["alice", "dave", "root"]);
    assert_eq!(list("v2", "deactivated=true&locked=true").await, ["alice", "bob", "carol", "dave", "root"]);
    assert_eq!(list("v3", "deactivated=true").await, ["bob"]);
    assert_eq!(list("v3", "deactivated=false&admins=false").await, ["alice", "dave"]);
    assert_eq!(list("v3", "").await, ["alice", "bob", "dave", "root"]);
    assert_eq!(list("v2", "not_user_type=bot&not_user_type=support").await, ["alice", "root"]);
    assert_eq!(list("v2", "admins=true&guests=false").await, ["root"]);
    for order in [
        "name",
        "is_guest",
        "admin",
        "user_type",
        "deactivated",
        "shadow_banned",
        "displayname",
        "avatar_url",
        "creation_ts",
        "last_seen_ts",
    ] {
        assert_eq!(list("v2", &format!("order_by={order}")).await.len(), 3, "{order}");
    }
    let refusal = root.get(&format!("{API}/v2/users?order_by=shoe_size")).await.expect_err("nobody knows that");
    refusal.assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_deactivated_and_opened_again() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;

    let request = root.call(reqwest::Method::POST, &path("/v1/deactivate", &alice.id, ""));
    let answer = request.send().await.expect("the server answers");

    assert!(answer.status().is_success(), "a body is not needed");
    let answer: Value = answer.json().await.expect("it is JSON");
    assert_eq!(answer, json!({ "id_server_unbind_result": "success" }));
    assert_eq!(detail(&root, &alice).await["deactivated"], true);
    assert!(!alice.is_logged_in().await);
    let refusal = root.put(&path("/v2/users", &alice.id, ""), json!({ "deactivated": false })).await;
    refusal.expect_err("a password is needed").assert_is(&ErrorKind::InvalidParam);
    put(&root, &alice, json!({ "deactivated": false, "password": alice.password() })).await;
    alice.try_login(json!({})).await.expect("the account is open");
    assert!(recorded(&server, "user.reactivate").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_always_an_administrator() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let other = server.user("other").await;

    let demotion = root.put(&path("/v1/users", &root.id, "/admin"), json!({ "admin": false })).await;
    let end = root.post(&path("/v1/deactivate", &root.id, ""), json!({})).await;
    let lock = root.put(&path("/v2/users", &root.id, ""), json!({ "locked": true })).await;
    put(&root, &other, json!({ "admin": true })).await;
    let attack = root.post(&path("/v1/deactivate", &other.id, ""), json!({})).await;
    let reset =
        root.post(&path("/v1/reset_password", &other.id, ""), json!({ "new_password": "another password" })).await;

    for answer in [demotion, end, lock, attack, reset] {
        answer.expect_err("it is refused").assert_is(&ErrorKind::Forbidden);
    }
    root.post(&path("/v1/deactivate", &root.id, ""), json!({})).await.expect("there is another administrator now");
    assert_eq!(other.get(&path("/v1/users", &other.id, "/admin")).await.expect("it is told"), json!({ "admin": true }));
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_suspended_and_locked() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;

    let answer =
        root.put(&path("/v1/suspend", &alice.id, ""), json!({ "suspend": true })).await.expect("it can be done");
    let refusal = alice.try_say(&room, "hello").await.expect_err("she may read only");
    put(&root, &alice, json!({ "locked": true })).await;

    assert_eq!(answer, json!({ "user_@alice:test.local_suspended": true }));
    refusal.assert_is(&ErrorKind::UserSuspended);
    alice.get("/_matrix/client/v3/account/whoami").await.expect_err("she is locked").assert_is(&ErrorKind::UserLocked);
    let answer = detail(&root, &alice).await;
    assert_eq!((&answer["locked"], &answer["suspended"]), (&json!(true), &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_sessions_if_wanted() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let reset = path("/v1/reset_password", &alice.id, "");

    let kept = json!({ "new_password": "correct horse battery", "logout_devices": false });
    root.post(&reset, kept).await.expect("it can be done");
    let was_kept = alice.is_logged_in().await;
    root.post(&reset, json!({ "new_password": "correct horse staple" })).await.expect("it can be done");

    assert!(was_kept && !alice.is_logged_in().await);
    alice.try_login(json!({ "password": "correct horse staple" })).await.expect("the new password is good");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_may_act_as_often_as_an_administrator_says() {
    let server = TestServer::start_with(|config| {
        config.rate_limits.enabled = true;
        config.rate_limits.message.burst = 2;
        config.rate_limits.message.per_second = 0.001;
    })
    .await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let pace = path("/v1/users", &alice.id, "/override_ratelimit");

    let before = root.get(&pace).await.expect("it is told");
    let set = root.post(&pace, json!({ "messages_per_second": 0, "burst_count": 0 })).await.expect("it can be set");
    for _ in 0..10 {
        alice.say(&room, "hello").await;
    }
    root.post(&pace, json!({ "messages_per_second": 1, "burst_count": 3 })).await.expect("it can be set");
    let mut said = 0;
    while alice.try_say(&room, "hello").await.is_ok() {
        said += 1;
    }
    let deleted = root.delete(&pace).await.expect("it can be taken back");

    assert_eq!((before, deleted), (json!({}), json!({})));
    assert_eq!(set, json!({ "messages_per_second": 0, "burst_count": 0 }));
    assert!((3..=8).contains(&said), "{said}");
    assert_eq!(root.get(&pace).await.expect("it is told"), json!({}));
    assert_eq!(recorded(&server, "user.pace").await.expect("it is recorded")["set"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_from_where_somebody_comes_and_that_is_recorded() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    assert!(alice.is_logged_in().await);

    let mut connections = Value::Null;
    for _ in 0..200 {
        let answer = root.get(&path("/v1/whois", &alice.id, "")).await.expect("it is told");
        connections = answer["devices"][alice.device_id.as_str()]["sessions"][0]["connections"].clone();
        if connections.as_array().is_some_and(|list| !list.is_empty()) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    assert_eq!(connections[0]["ip"], "127.0.0.1", "{connections}");
    assert!(connections[0]["last_seen"].is_i64(), "{connections}");
    assert!(recorded(&server, "access.addresses.see").await.is_some());
}
