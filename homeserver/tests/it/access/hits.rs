//! Whom rules keep out is noted in the audit log, but not each time.

use homeserver_testing::{TestServer, segment};
use serde_json::json;

use super::{administrator, rule};

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_rule_keeps_out_is_noted_once_in_a_while() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    rule(&root, "no-rooms", &format!("user {} feature:create_room deny", alice.id)).await;
    rule(&root, "no-bob", &format!("user {} server deny", bob.id)).await;

    for _ in 0..3 {
        alice.post("/_matrix/client/v3/createRoom", json!({})).await.expect_err("she may not");
        bob.get(&format!("/_matrix/client/v3/profile/{}", segment(bob.id.as_str()))).await.ok();
        bob.get("/_matrix/client/v3/account/whoami").await.expect_err("he may not");
    }
    server.app.clock.advance(std::time::Duration::from_secs(600));
    alice.post("/_matrix/client/v3/createRoom", json!({})).await.expect_err("she may not");

    server.app.audit.settled().await;
    let events = server.app.audit.list(0, 1000).await.expect("the log can be read");
    let hits: Vec<_> = events.iter().filter(|event| event.action == "rule_hit").collect();
    let of = |id: &str| hits.iter().filter(|event| event.details.get("rule").is_some_and(|rule| rule == id)).count();
    assert_eq!((of("no-rooms"), of("no-bob")), (2, 1));
    assert_eq!(hits[0].details.get("scope"), Some(&json!("feature:create_room")));
    assert_eq!(hits[0].details.get("effect"), Some(&json!("deny")));
}
