//! What the server tells of itself.

use homeserver::{config::Contact, error::ErrorKind};
use homeserver_testing::TestServer;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn versions_and_unstable_features_are_listed_for_everybody() {
    let server = TestServer::start().await;

    let answer = server.anonymous().get("/_matrix/client/versions").await.expect("it can be asked");

    assert!(answer["versions"].as_array().is_some_and(|versions| versions.contains(&json!("v1.11"))), "{answer}");
    assert_eq!(answer["unstable_features"]["uk.tcpip.msc4133"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn capabilities_are_told_to_users_and_some_to_administrators_only() {
    let server = TestServer::start().await;
    let [admin, alice] = server.users(["admin", "alice"]).await;
    server.app.accounts.administration.set_admin(&admin.id, true).await.expect("the account exists");

    let path = "/_matrix/client/v3/capabilities";
    let to_alice = alice.get(path).await.expect("it can be asked")["capabilities"].clone();
    let to_admin = admin.get(path).await.expect("it can be asked")["capabilities"].clone();

    assert_eq!(to_alice["m.room_versions"]["default"], "12");
    assert_eq!(to_alice["m.room_versions"]["available"]["1"], "stable");
    for name in ["m.change_password", "m.set_displayname", "m.set_avatar_url", "m.profile_fields", "m.get_login_token"]
    {
        assert_eq!(to_alice[name], json!({ "enabled": true }), "{name}");
    }
    assert_eq!(to_alice["m.3pid_changes"], json!({ "enabled": false }));
    assert_eq!(to_alice.get("m.account_moderation"), None);
    assert_eq!(to_admin["m.account_moderation"], json!({ "lock": true, "suspend": true }));
    server.anonymous().get(path).await.expect_err("there is no token").assert_is(&ErrorKind::MissingToken);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_find_the_server_under_its_name_or_the_configured_url() {
    let plain = TestServer::start().await;
    let configured = TestServer::start_with(|config| {
        config.discovery.client_url = Some("https://matrix.test.local/".parse().expect("a URL"));
        config.discovery.identity_server_url = Some("https://identity.test.local".parse().expect("a URL"));
    })
    .await;

    let path = "/.well-known/matrix/client";
    let by_name = plain.anonymous().get(path).await.expect("it can be asked");
    let by_url = configured.anonymous().get(path).await.expect("it can be asked");

    assert_eq!(by_name, json!({ "m.homeserver": { "base_url": "https://test.local" } }));
    assert_eq!(by_url["m.homeserver"]["base_url"], "https://matrix.test.local");
    assert_eq!(by_url["m.identity_server"]["base_url"], "https://identity.test.local");
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_to_turn_to_is_told_if_it_is_configured() {
    let silent = TestServer::start().await;
    let helpful = TestServer::start_with(|config| {
        config.discovery.contacts = vec![Contact {
            role: "m.role.admin".to_owned(),
            email_address: Some("admin@test.local".to_owned()),
            matrix_id: Some("@admin:test.local".try_into().expect("a user ID")),
        }];
    })
    .await;

    let path = "/.well-known/matrix/support";
    silent.anonymous().get(path).await.expect_err("nobody is configured").assert_is(&ErrorKind::NotFound);
    let contact = json!({
        "role": "m.role.admin", "email_address": "admin@test.local", "matrix_id": "@admin:test.local",
    });
    assert_eq!(helpful.anonymous().get(path).await.expect("it is configured"), json!({ "contacts": [contact] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_for_calls_is_named_if_there_is_one() {
    let without = TestServer::start().await;
    let with = TestServer::start_with(|config| {
        config.voip.turn_uris = vec!["turn:turn.test.local".to_owned()];
        config.voip.turn_shared_secret = Some("secret".to_owned().into());
    })
    .await;
    let [alice, bob] = [without.user("alice").await, with.user("bob").await];

    let path = "/_matrix/client/v3/voip/turnServer";
    assert_eq!(alice.get(path).await.expect("it can be asked"), json!({}));
    let relay = bob.get(path).await.expect("it can be asked");
    assert_eq!(relay["uris"], json!(["turn:turn.test.local"]));
    assert!(relay["username"].as_str().is_some_and(|name| name.ends_with(":@bob:test.local")));
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_third_party_networks() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    assert_eq!(alice.get("/_matrix/client/v3/thirdparty/protocols").await.expect("it can be asked"), json!({}));
}
