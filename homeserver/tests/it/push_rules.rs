//! Push rules.

use homeserver::error::ErrorKind;
use homeserver_testing::{Answer, TestServer, TestUser};
use serde_json::{Value, json};

const RULES: &str = "/_matrix/client/v3/pushrules/";

async fn try_put(user: &TestUser, path: &str, body: Value) -> Answer<Value> {
    user.put(&format!("{RULES}global/{path}"), body).await
}

async fn put(user: &TestUser, path: &str, body: Value) {
    try_put(user, path, body).await.expect("the rule can be changed");
}

async fn get(user: &TestUser, path: &str) -> Value {
    user.get(&format!("{RULES}{path}")).await.expect("there is an answer")
}

/// The IDs of the rules of a kind that the user made, most important first.
async fn own(user: &TestUser, kind: &str) -> Vec<String> {
    let rules = get(user, "global/").await[kind].as_array().cloned().expect("there is that kind");
    let own = rules.iter().filter(|rule| rule["default"] == false);
    own.map(|rule| rule["rule_id"].as_str().expect("rules have IDs").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_has_the_default_rules_of_all_kinds() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let rules = get(&alice, "").await;

    let global = rules["global"].as_object().expect("there are global rules");
    for kind in ["override", "content", "room", "sender", "underride"] {
        assert!(global[kind].is_array(), "{kind}");
    }
    assert_eq!(rules["global"]["override"][0]["rule_id"], ".m.rule.master");
    assert_eq!(rules["global"], get(&alice, "global/").await);
    let mention = get(&alice, "global/override/.m.rule.is_user_mention").await;
    assert_eq!(mention["conditions"][0]["value"], alice.id.as_str());
    for path in ["r0/pushrules/", "v3/user/%40alice%3Atest.local/account_data/m.push_rules"] {
        let same = alice.get(&format!("/_matrix/client/{path}")).await.expect("there is an answer");
        assert_eq!(same, rules, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_made_read_changed_and_deleted() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    put(&alice, "content/cake", json!({ "pattern": "cake*lie", "actions": ["notify"] })).await;
    let expected =
        json!({ "rule_id": "cake", "pattern": "cake*lie", "actions": ["notify"], "default": false, "enabled": true });
    assert_eq!(get(&alice, "global/content/cake").await, expected);

    put(&alice, "content/cake/enabled", json!({ "enabled": false })).await;
    assert_eq!(get(&alice, "global/content/cake/enabled").await, json!({ "enabled": false }));

    let actions = json!({ "actions": ["notify", { "set_tweak": "sound", "value": "cakealarm.wav" }] });
    put(&alice, "content/cake/actions", actions.clone()).await;
    assert_eq!(get(&alice, "global/content/cake/actions").await, actions);

    put(&alice, "content/cake", json!({ "pattern": "pie", "actions": [] })).await;
    let changed = get(&alice, "global/content/cake").await;
    assert_eq!((&changed["pattern"], &changed["enabled"]), (&json!("pie"), &json!(false)));

    alice.delete(&format!("{RULES}global/content/cake")).await.expect("the rule can be deleted");
    let gone = alice.get(&format!("{RULES}global/content/cake")).await;
    gone.expect_err("it is gone").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_stand_where_they_are_put() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let body = json!({ "conditions": [], "actions": [] });

    for path in ["override/one", "override/two", "override/three?after=two", "override/four?before=one"] {
        put(&alice, path, body.clone()).await;
    }
    assert_eq!(own(&alice, "override").await, ["two", "three", "four", "one"]);
    assert_eq!(get(&alice, "").await["global"]["override"][0]["rule_id"], ".m.rule.master");

    put(&alice, "override/two?after=one", body).await;
    assert_eq!(own(&alice, "override").await, ["three", "four", "one", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn default_rules_are_changed_but_not_deleted() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    put(&alice, "underride/.m.rule.message/enabled", json!({ "enabled": false })).await;
    put(&alice, "underride/.m.rule.call/actions", json!({ "actions": ["dont_notify"] })).await;

    assert_eq!(get(&alice, "global/underride/.m.rule.message").await["enabled"], false);
    assert_eq!(get(&alice, "global/underride/.m.rule.call").await["actions"], json!(["dont_notify"]));
    let deleted = alice.delete(&format!("{RULES}global/underride/.m.rule.call")).await;
    deleted.expect_err("it is the server's").assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_rooms_and_senders_are_named_after_them() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    put(&alice, "room/%21room%3Atest.local", json!({ "actions": ["notify"] })).await;
    put(&alice, "sender/%40bob%3Atest.local", json!({ "actions": [] })).await;

    assert_eq!(own(&alice, "room").await, ["!room:test.local"]);
    assert_eq!(own(&alice, "sender").await, ["@bob:test.local"]);
    for path in ["room/nowhere", "sender/nobody"] {
        let refused = try_put(&alice, path, json!({ "actions": [] })).await;
        refused.expect_err("it is no ID").assert_is(&ErrorKind::InvalidParam);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_of_one_kind_can_be_asked_for_and_other_paths_are_none() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    put(&alice, "content/cake", json!({ "pattern": "cake", "actions": [] })).await;

    let contents = get(&alice, "global/content/").await;

    let ids: Vec<_> = contents.as_array().expect("a list").iter().map(|rule| &rule["rule_id"]).collect();
    assert!(ids.contains(&&json!("cake")), "{ids:?}");
    for path in ["global", "global/content", "global/dance/", "nowhere/", "nowhere/content/cake"] {
        alice.get(&format!("{RULES}{path}")).await.expect_err(path).assert_is(&ErrorKind::InvalidParam);
    }
    for path in ["", "global", "global/content/", "nowhere/content/cake", "global/content/cake/dance"] {
        let refused = alice.put(&format!("{RULES}{path}"), json!({ "pattern": "x", "actions": [] })).await;
        refused.expect_err(path).assert_is(&ErrorKind::InvalidParam);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_rules_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let plain = json!({ "pattern": "cake", "actions": [] });
    let long = "x".repeat(256);

    let refused = [
        ("content/.cake".to_owned(), plain.clone(), ErrorKind::InvalidParam),
        ("content/ca%2Fke".to_owned(), plain.clone(), ErrorKind::InvalidParam),
        ("content/ca%5Cke".to_owned(), plain.clone(), ErrorKind::InvalidParam),
        (format!("content/{long}"), plain.clone(), ErrorKind::InvalidParam),
        ("content/cake".to_owned(), json!({ "pattern": long, "actions": [] }), ErrorKind::InvalidParam),
        ("content/cake".to_owned(), json!({ "pattern": "x", "actions": ["dance"] }), ErrorKind::InvalidParam),
        ("content/cake".to_owned(), json!({ "pattern": "x", "actions": [7] }), ErrorKind::BadJson),
        ("content/cake".to_owned(), json!({ "pattern": "x" }), ErrorKind::BadJson),
        ("content/cake".to_owned(), json!({ "actions": [] }), ErrorKind::BadJson),
        ("override/cake".to_owned(), json!({ "actions": [] }), ErrorKind::BadJson),
        ("override/cake".to_owned(), json!({ "conditions": [{}], "actions": [] }), ErrorKind::BadJson),
        ("content/cake?after=pie".to_owned(), plain.clone(), ErrorKind::Unknown),
        ("content/cake?before=.m.rule.message".to_owned(), plain.clone(), ErrorKind::InvalidParam),
        ("dance/cake".to_owned(), plain, ErrorKind::InvalidParam),
        ("content/pie/enabled".to_owned(), json!({ "enabled": true }), ErrorKind::NotFound),
        ("content/pie/actions".to_owned(), json!({ "actions": [] }), ErrorKind::NotFound),
        ("underride/.m.rule.call/enabled".to_owned(), json!({ "enabled": "yes" }), ErrorKind::BadJson),
    ];

    for (path, body, kind) in refused {
        try_put(&alice, &path, body).await.expect_err(&path).assert_is(&kind);
    }
    for path in ["content/pie", "content/pie/enabled", "content/pie/actions", "dance/pie"] {
        let unknown = alice.get(&format!("{RULES}global/{path}")).await;
        unknown.expect_err(path).assert_is(&ErrorKind::NotFound);
    }
    let unknown = alice.delete(&format!("{RULES}global/content/pie")).await;
    unknown.expect_err("there is no pie").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_made_at_the_same_time_are_all_kept() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let rules = (0..10).map(|number| {
        let alice = alice.clone();
        async move { put(&alice, &format!("content/{number}"), json!({ "pattern": "x", "actions": [] })).await }
    });
    futures_util::future::join_all(rules).await;

    assert_eq!(own(&alice, "content").await.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_come_down_sync_whether_or_not_they_were_changed() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let rules_in = |answer: &Value| {
        let events = answer["account_data"]["events"].as_array().cloned().unwrap_or_default();
        events.into_iter().find(|event| event["type"] == "m.push_rules").map(|event| event["content"].clone())
    };

    let answer = alice.get("/_matrix/client/v3/sync").await.expect("sync answers");
    assert_eq!(rules_in(&answer), Some(get(&alice, "").await));

    let since = answer["next_batch"].as_str().expect("a token");
    put(&alice, "room/%21room%3Atest.local", json!({ "actions": ["notify"] })).await;
    let answer = alice.get(&format!("/_matrix/client/v3/sync?since={since}")).await.expect("sync answers");

    assert_eq!(rules_in(&answer), Some(get(&alice, "").await));
}

#[tokio::test(flavor = "multi_thread")]
async fn muted_rooms_are_not_counted() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    put(
        &bob,
        &format!("override/{}", room.as_str().replace('!', "")),
        json!({
            "conditions": [{ "kind": "event_match", "key": "room_id", "pattern": room }],
            "actions": ["dont_notify"],
        }),
    )
    .await;

    alice.say(&room, "hello").await;

    let answer = bob.get("/_matrix/client/v3/sync").await.expect("sync answers");
    let counts = &answer["rooms"]["join"][room.as_str()]["unread_notifications"];
    assert_eq!(counts["notification_count"], 0, "{answer}");
}
