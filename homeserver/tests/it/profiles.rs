//! Profiles, with the fields that everybody knows and any others.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser, segment};
use reqwest::Method;
use serde_json::json;

fn path(user: &TestUser, field: &str) -> String {
    format!("/_matrix/client/v3/profile/{}/{}", segment(user.id.as_str()), segment(field))
}

fn whole(user: &TestUser) -> String {
    format!("/_matrix/client/v3/profile/{}", segment(user.id.as_str()))
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_reads_what_somebody_says_of_themselves() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    alice.put(&path(&alice, "displayname"), json!({ "displayname": "Alice" })).await.expect("it can be set");
    alice.put(&path(&alice, "avatar_url"), json!({ "avatar_url": "mxc://a/b" })).await.expect("it can be set");
    alice
        .put(&path(&alice, "org.example.pet"), json!({ "org.example.pet": { "cat": 1 } }))
        .await
        .expect("it can be set");

    let anonymous = server.anonymous();
    assert_eq!(
        anonymous.get(&whole(&alice)).await.expect("it can be read"),
        json!({ "displayname": "Alice", "avatar_url": "mxc://a/b", "org.example.pet": { "cat": 1 } })
    );
    assert_eq!(
        anonymous.get(&path(&alice, "displayname")).await.expect("it can be read"),
        json!({ "displayname": "Alice" })
    );
    let unstable = format!("/_matrix/client/unstable/uk.tcpip.msc4133/profile/{}/org.example.pet", alice.id);
    assert_eq!(anonymous.get(&unstable).await.expect("it can be read"), json!({ "org.example.pet": { "cat": 1 } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_user_has_an_empty_profile_and_a_stranger_none() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let stranger = TestUser::anonymous(&server, "stranger");

    assert_eq!(alice.get(&whole(&alice)).await.expect("the user exists"), json!({}));
    let unset = alice.get(&path(&alice, "displayname")).await.expect_err("it is not set");
    assert_eq!(unset.status, 404);
    unset.assert_is(&ErrorKind::NotFound);
    alice.get(&whole(&stranger)).await.expect_err("there is no such user").assert_is(&ErrorKind::NotFound);
    alice.get(&path(&stranger, "displayname")).await.expect_err("no such user").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_are_deleted_also_by_emptying_name_and_avatar() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for (field, value) in [("displayname", "Alice"), ("avatar_url", "mxc://a/b"), ("m.tz", "Europe/Paris")] {
        alice.put(&path(&alice, field), json!({ field: value })).await.expect("it can be set");
    }

    alice.put(&path(&alice, "avatar_url"), json!({ "avatar_url": "" })).await.expect("it can be emptied");
    alice.delete(&path(&alice, "displayname")).await.expect("it can be deleted");
    alice.delete(&path(&alice, "displayname")).await.expect("it is deleted already");

    assert_eq!(alice.get(&whole(&alice)).await.expect("it can be read"), json!({ "m.tz": "Europe/Paris" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_changes_the_profile_of_another() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;

    let set = bob.put(&path(&alice, "displayname"), json!({ "displayname": "Fool" })).await;
    let deleted = bob.delete(&path(&alice, "displayname")).await;
    let nobody = server.anonymous().put(&path(&alice, "displayname"), json!({ "displayname": "Fool" })).await;

    set.expect_err("it is another's").assert_is(&ErrorKind::Forbidden);
    deleted.expect_err("it is another's").assert_is(&ErrorKind::Forbidden);
    nobody.expect_err("there is no token").assert_is(&ErrorKind::MissingToken);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_and_names_that_cannot_be_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let endless = format!("org.example.{}", "x".repeat(250));
    let cases = [
        ("displayname", json!({}), ErrorKind::MissingParam),
        ("displayname", json!({ "displayname": 1 }), ErrorKind::BadJson),
        ("displayname", json!({ "displayname": "x".repeat(300) }), ErrorKind::InvalidParam),
        ("Displayname", json!({ "Displayname": "x" }), ErrorKind::InvalidParam),
        ("org.example.big", json!({ "org.example.big": "x".repeat(70_000) }), ErrorKind::ProfileTooLarge),
        (endless.as_str(), json!({ endless.as_str(): 1 }), ErrorKind::KeyTooLarge),
    ];

    for (field, body, kind) in cases {
        let refusal = alice.put(&path(&alice, field), body).await.expect_err(field);
        assert_eq!(refusal.status, 400, "{field}");
        refusal.assert_is(&kind);
    }
    let refusal = alice.request(Method::PUT, &path(&alice, "displayname"), Some(json!(["displayname"]))).await;
    refusal.expect_err("it is no object").assert_is(&ErrorKind::BadJson);
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_are_small_alone_do_not_grow_too_large_together() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let half = "x".repeat(40_000);

    alice.put(&path(&alice, "org.example.a"), json!({ "org.example.a": half })).await.expect("it can be set");
    let second = alice.put(&path(&alice, "org.example.b"), json!({ "org.example.b": half })).await;
    alice.put(&path(&alice, "org.example.a"), json!({ "org.example.a": half })).await.expect("it replaces the first");

    second.expect_err("both are too much").assert_is(&ErrorKind::ProfileTooLarge);
}
