//! Sessions that a new rule reaches while they are used.

use std::time::{Duration, Instant};

use homeserver::error::ErrorKind;
use homeserver_testing::{Answer, TestServer, TestUser};
use serde_json::{Value, json};

use super::{administrator, assert_forbidden, lift, rule, try_rule};

const SYNC: &str = "/_matrix/client/v3/sync";

/// A request that waits for news of a user. Resolves when it is under way.
pub(super) async fn park(server: &TestServer, user: &TestUser) -> tokio::task::JoinHandle<Answer<Value>> {
    let start = user.get(SYNC).await.expect("the user may sync");
    let since = start["next_batch"].as_str().expect("a token").to_owned();
    let before = server.app.access.live.list().len();
    let user = user.clone();
    let waiting = tokio::spawn(async move { user.get(&format!("{SYNC}?timeout=30000&since={since}")).await });
    while server.app.access.live.list().len() == before {
        tokio::task::yield_now().await;
    }
    waiting
}

/// What came of a request within a second.
pub(super) async fn within_a_second(waiting: tokio::task::JoinHandle<Answer<Value>>) -> Answer<Value> {
    let answer = tokio::time::timeout(Duration::from_secs(1), waiting).await;
    answer.expect("it is answered within a second").expect("it does not panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_network_is_cut_off_at_once_and_a_hole_in_it_is_spared() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let (alice, bob) = (alice.coming_from("127.0.5.1"), bob.coming_from("127.0.5.7"));
    rule(&root, "hole", "network 127.0.5.7/32 server allow").await;
    let (of_alice, of_bob) = (park(&server, &alice).await, park(&server, &bob).await);

    let started = Instant::now();
    let more = json!({ "reason": "Write to us.", "case": "c_1" });
    try_rule(&root, "ban", "network 127.0.5.0/24 server deny", more).await.expect("the rule is allowed");
    let refusal = assert_forbidden(within_a_second(of_alice).await);

    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(refusal.status, 403);
    assert_eq!(refusal.body["salon.case"], "c_1");
    assert!(refusal.body["error"].as_str().is_some_and(|text| text.contains("Write to us.")), "{refusal:?}");
    assert!(!of_bob.is_finished());
    assert_forbidden(alice.get(SYNC).await);
    bob.get(SYNC).await.expect("the hole is spared");
    alice.coming_from("127.0.6.1").get(SYNC).await.expect("the same session is good elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn lifting_a_rule_restores_everything() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await.coming_from("127.0.5.1");
    let room = alice.create_room().await;
    rule(&root, "ban", "network 127.0.5.0/24 server deny").await;
    assert_forbidden(alice.try_say(&room, "not heard").await);

    lift(&root, "ban").await;

    alice.say(&room, "heard").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_about_a_user_locks_the_account_but_lets_it_log_out() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let waiting = park(&server, &alice).await;

    rule(&root, "ban", "user @al*:test.local server deny").await;
    let refusal = within_a_second(waiting).await.expect_err("it is cut off");

    refusal.assert_is(&ErrorKind::UserLocked);
    assert_eq!(refusal.body["soft_logout"], true);
    alice.try_login(json!({})).await.expect_err("it is locked").assert_is(&ErrorKind::UserLocked);
    alice.post("/_matrix/client/v3/logout", json!({})).await.expect("logging out is possible");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_another_process_writes_are_followed() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await.coming_from("127.0.5.1");
    let other = server.another_process().await;
    let waiting = park(&server, &alice).await;
    let new = homeserver::access::rulebook::NewRule {
        id: "ban".to_owned(),
        kind: "network".parse().expect("a kind"),
        value: "127.0.5.0/24".to_owned(),
        scope: "server".parse().expect("a scope"),
        effect: homeserver::access::rule::Effect::Deny,
        public_reason: None,
        private_reason: None,
        case: None,
        origin: "operator".to_owned(),
        expires_at: None,
        is_permanent: false,
        replaces: None,
    };
    let change = homeserver::access::rulebook::Change::Put(Box::new(new));
    let caller = server.caller(&root).await;

    other.oversight.change(&caller, &[change], false).await.expect("the rule is allowed");

    assert_forbidden(within_a_second(waiting).await);
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_ends_by_itself_and_so_does_a_hole() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await.coming_from("127.0.5.1");
    let in_s = |seconds: i64| json!({ "expires_at": server.app.clock.now_ms() + seconds * 1000 });
    try_rule(&root, "hole", "network 127.0.5.1 server allow", in_s(60)).await.expect("the rule is allowed");
    try_rule(&root, "ban", "network 127.0.5.0/24 server deny", in_s(120)).await.expect("the rule is allowed");
    let waiting = park(&server, &alice).await;

    server.app.clock.advance(Duration::from_secs(61));
    assert_forbidden(within_a_second(waiting).await);
    assert_forbidden(alice.get(SYNC).await);
    server.app.clock.advance(Duration::from_secs(60));

    alice.get(SYNC).await.expect("the ban is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_outlive_the_process() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    rule(&root, "ban", "network 127.0.5.0/24 server deny").await;

    let server = server.restart().await;

    assert_forbidden(alice.at(&server).coming_from("127.0.5.1").get(SYNC).await);
    alice.at(&server).get(SYNC).await.expect("others are not concerned");
}
