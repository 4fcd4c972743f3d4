//! Rules that would lock out those who have to be able to undo them.

use homeserver_testing::TestServer;
use serde_json::json;

use super::{API, administrator, assert_forbidden, rule, try_rule};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_locks_out_themselves_other_administrators_or_this_server() {
    let server = TestServer::start_with(|config| {
        config.http.trusted_proxies = vec!["192.0.2.1/32".parse().expect("a network")];
        config.http.client_address_header = Some("X-Forwarded-For".to_owned());
    })
    .await;
    let root = administrator(&server).await;
    let other = server.user("other").await;
    server.app.accounts.administration.set_admin(&other.id, true).await.expect("the account is there");
    let abroad = root.coming_from("127.0.5.1");

    for text in [
        "user @root:test.local server deny",
        "user @ro*:test.local login require_approval",
        "user @other:test.local feature:admin_api deny",
        "everyone - server deny",
        "server test.local server deny",
        "network 127.0.0.0/8 server deny",
        "network 192.0.2.0/24 registration deny",
        "network 127.0.5.0/24 server deny",
    ] {
        assert_forbidden(try_rule(&abroad, "it", text, json!({})).await);
    }
    for text in ["user @root:test.local feature:create_room deny", "network 127.0.5.0/24 registration deny"] {
        rule(&abroad, "it", text).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lets_an_administrator_in_cannot_be_revoked_first() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    rule(&root, "allow", "user @root:test.local feature:admin_api allow").await;
    rule(&root, "deny", "everyone - feature:admin_api deny").await;

    assert_forbidden(root.delete(&format!("{API}/rules/allow")).await);

    let both = json!({ "revoke": ["allow", "deny"] });
    root.post(&format!("{API}/batch"), both).await.expect("together they can");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_an_undeclared_proxy_there_are_no_rules_about_networks() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    for number in 0..25 {
        let user = server.user(&format!("user{number}")).await;
        user.get("/_matrix/client/v3/account/whoami").await.expect("the session is good");
    }

    let refusal = assert_forbidden(try_rule(&root, "ban", "network 203.0.113.0/24 server deny", json!({})).await);

    assert!(refusal.body["error"].as_str().is_some_and(|text| text.contains("trusted_proxies")), "{refusal:?}");
    let status = root.get(&format!("{API}/status")).await.expect("the status");
    assert!(status["network_rules_refused"].is_string(), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_of_a_proxy_counts_only_if_it_comes_from_one() {
    let server = TestServer::start_with(|config| {
        config.http.trusted_proxies = vec!["127.0.9.0/24".parse().expect("a network")];
        config.http.client_address_header = Some("X-Forwarded-For".to_owned());
    })
    .await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    rule(&root, "ban", "network 203.0.113.0/24 server deny").await;
    let status = async |from: &str, header: &str| {
        let call = alice.coming_from(from).call(reqwest::Method::GET, "/_matrix/client/v3/account/whoami");
        call.header("X-Forwarded-For", header).send().await.expect("the server answers").status().as_u16()
    };

    assert_eq!(status("127.0.9.1", "203.0.113.7").await, 403, "the proxy's word counts");
    assert_eq!(status("127.0.9.1", "198.51.100.1, 203.0.113.7, 127.0.9.2").await, 403, "two proxies");
    assert_eq!(status("127.0.9.1", "203.0.113.7, 198.51.100.1").await, 200, "what the client invented does not count");
    assert_eq!(status("127.0.5.1", "203.0.113.7").await, 200, "nobody else's word counts");
}
