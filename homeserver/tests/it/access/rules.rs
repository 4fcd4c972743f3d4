//! The access API: writing, finding and explaining rules.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser};
use serde_json::{Value, json};

use super::{API, administrator, assert_forbidden, lift, rule, try_rule};

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_see_and_write_rules() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    for path in ["rules", "rules/x", "status", "approvals", "reports"] {
        assert_forbidden(alice.get(&format!("{API}/{path}")).await);
        server
            .anonymous()
            .get(&format!("{API}/{path}"))
            .await
            .expect_err("refused")
            .assert_is(&ErrorKind::MissingToken);
    }
    assert_forbidden(try_rule(&alice, "x", "everyone - feature:join deny", json!({})).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_found_as_it_was_written() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let more = json!({ "reason": "public", "private_reason": "private", "case": "c_1" });

    let written = try_rule(&root, "r1", "network 203.0.113.77/24 login deny", more).await.expect("it is allowed");
    let found = root.get(&format!("{API}/rules/r1")).await.expect("it is there");

    assert_eq!(written["rule"], found);
    assert_eq!(found["value"], "203.0.113.0/24");
    assert_eq!(found["author"], root.id.as_str());
    assert_eq!(found["version"], 1);
    let days =
        (found["expires_at"].as_i64().expect("a time") - found["created_at"].as_i64().expect("a time")) / 86_400_000;
    assert_eq!(days, 30, "a rule about a network ends");
    let list = |query: &'static str| {
        let root = root.clone();
        async move { root.get(&format!("{API}/rules?{query}")).await.expect("a list")["rules"].clone() }
    };
    assert_eq!(list("").await, json!([found]));
    assert_eq!(list("kind=network&scope=login&case=c_1").await, json!([found]));
    assert_eq!(list("kind=user").await, json!([]));
    assert_eq!(list("after=r1").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_overlooked_another_is_refused() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let write = |version: i32| {
        let root = root.clone();
        let more = json!({ "replaces_version": version });
        async move { try_rule(&root, "r1", "user @x:test.local login deny", more).await }
    };

    write(0).await.expect("it is new");
    assert_eq!(write(0).await.expect_err("it is there").status, 409);
    write(1).await.expect("it is known");
    lift(&root, "r1").await;

    root.delete(&format!("{API}/rules/r1")).await.expect_err("it is gone").assert_is(&ErrorKind::NotFound);
    let kept = root.get(&format!("{API}/rules/r1")).await.expect("it is kept");
    assert_eq!(kept["revoked_by"], root.id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_tells_who_would_be_hit_and_changes_nothing() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    server.users(["alice", "albert", "bob"]).await;

    let more = json!({});
    let body = json!({ "kind": "user", "value": "@al*:test.local", "scope": "server", "effect": "deny" });
    let told = root.put(&format!("{API}/rules/r1?dry_run=true"), body).await.expect("it is told");

    assert_eq!(told["preview"]["accounts"], 2);
    assert_eq!(told["preview"]["users"], json!(["@albert:test.local", "@alice:test.local"]));
    assert_eq!(root.get(&format!("{API}/rules")).await.expect("a list")["rules"], json!([]));
    let told = try_rule(&root, "r1", "user @al*:test.local server deny", more).await.expect("it is allowed");
    assert_eq!(told["preview"]["accounts"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_changes_are_made_together_or_not_at_all() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    rule(&root, "old", "user @x:test.local login deny").await;
    let form = |user: &str| json!({ "kind": "user", "value": user, "scope": "login", "effect": "deny" });
    let rules = || async {
        let answer = root.get(&format!("{API}/rules")).await.expect("a list");
        let rules = answer["rules"].as_array().expect("an array").clone();
        rules.iter().map(|rule| rule["rule_id"].as_str().expect("an ID").to_owned()).collect::<Vec<_>>()
    };

    let bad = json!({ "put": { "a": form("@a:test.local") }, "revoke": ["unknown"] });
    root.post(&format!("{API}/batch"), bad).await.expect_err("refused").assert_is(&ErrorKind::NotFound);
    assert_eq!(rules().await, ["old"]);
    let good = json!({ "put": { "a": form("@a:test.local"), "b": form("@b:test.local") }, "revoke": ["old"] });
    root.post(&format!("{API}/batch"), good).await.expect("it is allowed");

    assert_eq!(rules().await, ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_explained_what_the_rules_say() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    rule(&root, "ban", "network 203.0.113.0/24 login deny").await;
    rule(&root, "hole", "network 203.0.113.7 login allow").await;
    let ask = |address: &str| {
        let body = json!({ "address": address, "user_id": "@x:test.local", "scope": "login" });
        let root = root.clone();
        async move { root.post(&format!("{API}/evaluate"), body).await.expect("an answer")["gates"].clone() }
    };

    let (outside, inside) = (ask("203.0.113.1").await, ask("203.0.113.7").await);

    assert_eq!(outside[0]["scope"], "server");
    assert_eq!(outside[0]["effect"], "allow");
    assert_eq!(outside[1]["effect"], "deny");
    assert_eq!(inside[1]["effect"], "allow");
    let told = |found: &Value| (found["rule"]["rule_id"].clone(), found["outcome"].clone());
    let matches: Vec<_> = inside[1]["matches"].as_array().expect("an array").iter().map(told).collect();
    assert_eq!(matches, [(json!("hole"), json!("decides")), (json!("ban"), json!("less_specific"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_and_tokens_are_not_kept_in_the_clear() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;

    let answer =
        try_rule(&root, "mail", "email Eve.Doe@Example.org registration deny", json!({})).await.expect("allowed");
    rule(&root, "token", "registration_token secret-token registration allow").await;

    assert_eq!(answer["rule"]["value"], "e…@example.org");
    let count = |text: &str| {
        format!(
            "select count(*) from access_rules
             where concat(value, coalesce(value_hash, ''), coalesce(sealed, '')) like '%{text}%'"
        )
    };
    assert_eq!(server.scalar::<i64>(&count("ve.doe")).await, 0);
    assert_eq!(server.scalar::<i64>(&count("cret-token")).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_rules_are_refused() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;

    for text in [
        "nonsense x server deny",
        "user x server deny",
        "user @*:* server deny",
        "network 0.0.0.0/0 server deny",
        "network example.org server deny",
        "email nobody server deny",
        "email_domain 192.0.2.1 server deny",
        "server evil.test login deny",
        "registration_token abc login deny",
        "room_network abc room:!x:test.local deny",
        "user @x:test.local nowhere deny",
        "user @x:test.local feature:nothing deny",
        "user @x:test.local server explode",
        "everyone x feature:join deny",
    ] {
        let answer = try_rule(&root, "it", text, json!({})).await;
        answer.expect_err(text).assert_is(&ErrorKind::InvalidParam);
    }
    let limit = try_rule(&root, "it", "user @x:test.local server rate_limit", json!({})).await;
    limit.expect_err("there is no limit").assert_is(&ErrorKind::MissingParam);
    let past = try_rule(&root, "it", "user @x:test.local server deny", json!({ "expires_at": 1 })).await;
    past.expect_err("it has ended").assert_is(&ErrorKind::InvalidParam);
    let unknown = try_rule(&root, "it", "user @x:test.local server deny", json!({ "unknown": 1 })).await;
    unknown.expect_err("there is no such member").assert_is(&ErrorKind::BadJson);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_stands_in_the_audit_log() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    rule(&root, "r1", "user @x:test.local login deny").await;
    lift(&root, "r1").await;

    let all = root.get(&format!("{API}/events")).await.expect("a page");
    let rest = root.get(&format!("{API}/events?after={}", all["next"])).await.expect("a page");

    let events = all["events"].as_array().expect("an array").iter();
    let told: Vec<_> = events.filter(|event| event["action"] == "rule_changed").collect();
    let what: Vec<_> = told.iter().map(|event| (&event["actor"], &event["details"]["what"])).collect();
    assert_eq!(what, [(&json!(root.id), &json!("put")), (&json!(root.id), &json!("revoke"))]);
    assert_eq!(rest["events"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_registers_from_one_network_is_known_without_addresses() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    for (name, address) in [("alice", "127.0.0.2"), ("bob", "127.0.0.2"), ("carol", "127.0.0.3")] {
        let newcomer = TestUser::anonymous(&server, name).coming_from(address);
        let body = json!({ "username": name, "password": newcomer.password(), "auth": { "type": "m.login.dummy" } });
        newcomer.post("/_matrix/client/v3/register", body).await.expect("registration succeeds");
    }

    let all = root.get(&format!("{API}/events")).await.expect("a page");

    let network = |name: &str| {
        let user = format!("@{name}:test.local");
        let mut events = all["events"].as_array().expect("an array").iter();
        let created = events.find(|event| event["action"] == "user_created" && event["target"] == user.as_str());
        created.expect("it is noted")["network"].as_str().expect("a network").to_owned()
    };
    assert_eq!(network("alice"), network("bob"));
    assert_ne!(network("alice"), network("carol"));
    assert!(!all.to_string().contains("127.0.0."), "addresses are not shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_listed() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let said = alice.say(&room, "something bad").await;
    let path = super::room_path(&room, &format!("report/{}", homeserver_testing::segment(said.as_str())));
    bob.post(&path, json!({ "reason": "it hurts" })).await.expect("it is taken");
    let of_alice = format!("/_matrix/client/v3/users/{}/report", alice.id);
    bob.post(&of_alice, json!({ "reason": "again" })).await.expect("it is taken");

    let first = root.get(&format!("{API}/reports?limit=1")).await.expect("a list");
    let next = first["next"].as_str().expect("there are more");
    let second = root.get(&format!("{API}/reports?after={next}")).await.expect("a list");

    let report = &first["reports"][0];
    assert_eq!((&report["kind"], &report["reporter"]), (&json!("event"), &json!(bob.id)));
    assert_eq!((&report["room_id"], &report["event_id"]), (&json!(room), &json!(said)));
    assert_eq!(report["event"]["content"]["body"], "something bad");
    assert_eq!(second["reports"][0]["kind"], "user");
    assert_eq!(second["reports"].as_array().map(Vec::len), Some(1));
    let since = second["next"].as_str().expect("one can ask for what comes");
    let third = root.get(&format!("{API}/reports?after={since}")).await.expect("a list");
    assert_eq!(third, json!({ "reports": [] }));
}
